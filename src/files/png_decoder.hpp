// A PNG file through libpng, step by step.
#pragma once

#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>

#include "medley/base/error.hpp"

namespace medley {

class PngDecoder {
 public:
  explicit PngDecoder(std::span<const std::byte> file) : file_(file), size_(file.size()) {
    png_ = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, this,
        [](png_structp png, png_const_charp text) {
          auto& decoder = *static_cast<PngDecoder*>(png_get_error_ptr(png));
          std::snprintf(decoder.message_, sizeof decoder.message_, "%s", text);
          longjmp(decoder.jump_, 1);
        },
        [](png_structp, png_const_charp) {});  // of odd but harmless chunks; damage is an error
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) throw io_error("no memory to read a PNG");
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  // Each returns false after an error; message() says which.
  bool read_header() {
    if (setjmp(jump_) != 0) return false;
    png_set_read_fn(png_, this, [](png_structp png, png_bytep to, std::size_t bytes) {
      static_cast<PngDecoder*>(png_get_io_ptr(png))->take(png, to, bytes);
    });
    png_set_user_limits(png_, 0x7FFFFFFF, 0x7FFFFFFF);
    keep_no_texts();
    png_read_info(png_, info_);
    return true;
  }
  // Sets up 8 bits per channel: gray, gray and alpha, RGB, or RGB and alpha.
  bool start() {
    if (setjmp(jump_) != 0) return false;
    png_set_expand(png_);
    png_set_scale_16(png_);
    return begin_rows();
  }
  // Sets up 16 bits per channel as numbers in memory, of a file that has so many.
  bool start_deep() {
    if (setjmp(jump_) != 0) return false;
    png_set_expand(png_);
    if (std::endian::native == std::endian::little) png_set_swap(png_);
    return begin_rows();
  }
  // Sets up what the file has, a byte a sample of at most 8 bits: palettes as indices, 16 bits as two bytes, the higher
  // one first.
  bool start_raw() {
    if (setjmp(jump_) != 0) return false;
    png_set_packing(png_);
    return begin_rows();
  }
  bool decode(std::uint8_t* out) {
    if (setjmp(jump_) != 0) return false;
    const std::size_t stride = png_get_rowbytes(png_, info_);
    for (int pass = 0; pass < passes_; ++pass)
      for (std::uint64_t y = 0; y < height(); ++y) png_read_row(png_, out + y * stride, nullptr);
    png_read_end(png_, nullptr);
    return true;
  }

  // False for a file that is too short for its pixels: deflate makes at most 1032 bytes of one. To
  // be asked between read_header() and start().
  bool long_enough() const {
    const std::uint64_t bits = png_get_bit_depth(png_, info_) * png_get_channels(png_, info_);
    return height() * width() * bits / 8 <= 1032 * size_;
  }
  std::uint64_t height() const { return png_get_image_height(png_, info_); }
  std::uint64_t width() const { return png_get_image_width(png_, info_); }
  int components() const { return png_get_channels(png_, info_); }
  int bits() const { return png_get_bit_depth(png_, info_); }
  // Red, green and blue of each index; empty where pixels are no indices.
  std::span<const png_color> palette() const {
    png_colorp colors = nullptr;
    int count = 0;
    if (png_get_color_type(png_, info_) != PNG_COLOR_TYPE_PALETTE ||
        png_get_PLTE(png_, info_, &colors, &count) == 0)
      return {};
    return {colors, static_cast<std::size_t>(count)};
  }
  const char* message() const { return message_; }

 private:
  bool begin_rows() {
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }
  // Texts and colour profiles change no pixel, and small ones may be packed that fill the memory.
  void keep_no_texts() {
    static constexpr png_byte names[] = "eXIf\0iCCP\0iTXt\0sPLT\0tEXt\0zTXt";
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, names, sizeof names / 5);
  }
  void take(png_structp png, png_bytep to, std::size_t bytes) {
    if (bytes > file_.size()) png_error(png, "the file is cut off");
    std::memcpy(to, file_.data(), bytes);
    file_ = file_.subspan(bytes);
  }

  std::span<const std::byte> file_;  // what is not yet read
  std::size_t size_;                 // of all
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
  std::jmp_buf jump_{};
  char message_[256]{};
};

}  // namespace medley
