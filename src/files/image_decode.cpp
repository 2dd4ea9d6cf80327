// JPEG and PNG through libjpeg and libpng. Both report errors by longjmp: every function that calls
// setjmp here has only trivial locals, and what must be freed belongs to an object outside of it.
#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

#include "medley/base/error.hpp"
#include "medley/files/exif.hpp"
#include "medley/files/image.hpp"
#include "medley/files/mapped_file.hpp"

extern "C" {
#include <jerror.h>
#include <jpeglib.h>
}

namespace medley {
namespace {

void check_size(std::uint64_t height, std::uint64_t width) {
  if (height == 0 || width == 0) throw data_error("a picture without pixels");
  if (height > max_side || width > max_side || height * width > max_pixels)
    throw data_error(fmt::format("{} x {} pixels: at most {} on a side and {} million are read",
                                 width, height, max_side, max_pixels / 1'000'000));
}

// For a file whose header promises more pixels than its length can hold: told before memory is
// taken for them.
[[noreturn]] void refuse_short_file(const char* kind) {
  throw data_error(fmt::format("damaged {}: the file is cut off", kind));
}

// --- JPEG ----------------------------------------------------------------------------------------

// More scans than any real progressive file has: a small file of many scans keeps a decoder busy
// for hours.
constexpr int max_scans = 200;
constexpr int exif_marker = JPEG_APP0 + 1;

class JpegDecoder {
 public:
  explicit JpegDecoder(std::span<const std::byte> file) : file_(file) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = [](j_common_ptr info) { self(info).stop(info); };
    errors_.emit_message = [](j_common_ptr info, int level) { self(info).warn(info, level); };
    progress_.progress_monitor = [](j_common_ptr info) { self(info).count_scans(info); };
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  // Each returns false after an error; message() says which.
  bool read_header() {
    if (setjmp(jump_) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file_.data()), file_.size());
    jpeg_save_markers(&info_, exif_marker, 0xFFFF);
    jpeg_read_header(&info_, TRUE);
    return true;
  }
  bool decode(std::uint8_t* out) {
    if (setjmp(jump_) != 0) return false;
    info_.dct_method = JDCT_ISLOW;
    info_.do_fancy_upsampling = TRUE;
    info_.do_block_smoothing = FALSE;
    info_.out_color_space = color_space();
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = out + static_cast<std::size_t>(info_.output_scanline) * info_.output_width *
                               static_cast<std::size_t>(components());
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  // False for a file that is too short for its pixels: Huffman codes take at least a bit for each
  // block of 8 x 8.
  bool long_enough() const {
    std::uint64_t blocks = 0;
    for (int i = 0; i < info_.num_components; ++i) {
      const jpeg_component_info& component = info_.comp_info[i];
      blocks += std::uint64_t{component.width_in_blocks} * component.height_in_blocks;
    }
    return blocks / 8 <= file_.size();
  }
  // libjpeg does not notice where arithmetic-coded data are cut off.
  bool arithmetic() const { return info_.arith_code; }
  std::uint64_t height() const { return info_.image_height; }
  std::uint64_t width() const { return info_.image_width; }
  // Components of the decoded picture: 1 gray, 3 RGB, 4 CMYK.
  int components() const {
    const J_COLOR_SPACE space = color_space();
    return space == JCS_GRAYSCALE ? 1 : space == JCS_CMYK ? 4 : 3;
  }
  // As the first Exif block tells it; known until decode() forgets the markers.
  int orientation() const {
    constexpr std::string_view start("Exif\0\0", 6);
    for (const jpeg_marker_struct* m = info_.marker_list; m != nullptr; m = m->next) {
      const std::string_view data(reinterpret_cast<const char*>(m->data), m->data_length);
      if (m->marker == exif_marker && data.starts_with(start))
        return exif_orientation(std::as_bytes(std::span(data.substr(start.size()))));
    }
    return 1;
  }
  // Adobe's programs store CMYK inverted, and say so in a marker.
  bool inverted() const { return info_.saw_Adobe_marker; }
  const char* message() const { return message_; }

 private:
  J_COLOR_SPACE color_space() const {
    switch (info_.jpeg_color_space) {
      case JCS_GRAYSCALE:
        return JCS_GRAYSCALE;
      case JCS_CMYK:
      case JCS_YCCK:
        return JCS_CMYK;
      default:
        return JCS_RGB;
    }
  }

  static JpegDecoder& self(j_common_ptr info) {
    return *static_cast<JpegDecoder*>(info->client_data);
  }
  [[noreturn]] void stop(j_common_ptr info) {
    errors_.format_message(info, message_);
    longjmp(jump_, 1);
  }
  // libjpeg goes on after damaged data and invents the rest; for training data damage is an error.
  // Two warnings speak of headers that are merely unusual.
  void warn(j_common_ptr info, int level) {
    if (level >= 0) return;
    if (errors_.msg_code == JWRN_ADOBE_XFORM || errors_.msg_code == JWRN_NOT_SEQUENTIAL) return;
    stop(info);
  }
  void count_scans(j_common_ptr info) {
    if (info_.input_scan_number <= max_scans) return;
    std::snprintf(message_, sizeof message_, "more than %d scans", max_scans);
    static_cast<void>(info);
    longjmp(jump_, 1);
  }

  std::span<const std::byte> file_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  char message_[JMSG_LENGTH_MAX]{};
};

// CMYK as printed on white paper: each colour's light is what its ink and black let through.
void cmyk_to_rgb(std::vector<std::uint8_t>& pixels, bool inverted) {
  const std::size_t count = pixels.size() / 4;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned flip = inverted ? 0 : 255;
    const unsigned light = pixels[4 * i + 3] ^ flip;
    for (std::size_t c = 0; c < 3; ++c)
      pixels[3 * i + c] =
          static_cast<std::uint8_t>(((pixels[4 * i + c] ^ flip) * light + 127) / 255);
  }
  pixels.resize(3 * count);
}

void decode_jpeg(std::span<const std::byte> file, Image& out) {
  JpegDecoder decoder(file);
  if (!decoder.read_header()) throw data_error(fmt::format("damaged JPEG: {}", decoder.message()));
  check_size(decoder.height(), decoder.width());
  if (decoder.arithmetic()) throw data_error("a JPEG with arithmetic coding: convert it");
  if (!decoder.long_enough()) refuse_short_file("JPEG");
  out.shape = {decoder.components(), static_cast<int>(decoder.height()),
               static_cast<int>(decoder.width())};
  out.pixels.resize(out.shape.bytes());
  const int orientation = decoder.orientation();
  if (!decoder.decode(out.pixels.data()))
    throw data_error(fmt::format("damaged JPEG: {}", decoder.message()));
  if (out.shape.channels == 4) {
    cmyk_to_rgb(out.pixels, decoder.inverted());
    out.shape.channels = 3;
  }
  apply_orientation(orientation, out);
}

// --- PNG -----------------------------------------------------------------------------------------

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
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
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
  const char* message() const { return message_; }

 private:
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

// Lays pixels whose last component is alpha on white.
void drop_alpha(std::vector<std::uint8_t>& pixels, std::size_t components) {
  const std::size_t count = pixels.size() / components, kept = components - 1;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned alpha = pixels[components * i + kept];
    for (std::size_t c = 0; c < kept; ++c)
      pixels[kept * i + c] = static_cast<std::uint8_t>(
          (pixels[components * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  pixels.resize(kept * count);
}

void decode_png(std::span<const std::byte> file, Image& out) {
  PngDecoder decoder(file);
  const auto damaged = [&] {
    return data_error(fmt::format("damaged PNG: {}", decoder.message()));
  };
  if (!decoder.read_header()) throw damaged();
  check_size(decoder.height(), decoder.width());
  if (!decoder.long_enough()) refuse_short_file("PNG");
  if (!decoder.start()) throw damaged();
  const int components = decoder.components();
  out.shape = {components, static_cast<int>(decoder.height()), static_cast<int>(decoder.width())};
  out.pixels.resize(out.shape.bytes());
  if (!decoder.decode(out.pixels.data())) throw damaged();
  if (components == 2 || components == 4) {
    drop_alpha(out.pixels, static_cast<std::size_t>(components));
    out.shape.channels = components - 1;
  }
}

// --- both ----------------------------------------------------------------------------------------

void to_channels(int channels, Image& image) {
  if (image.shape.channels == channels) return;
  const std::size_t count = image.pixels.size() / static_cast<std::size_t>(image.shape.channels);
  std::vector<std::uint8_t>& p = image.pixels;
  if (channels == 1) {  // ITU-R BT.601 luma in 16 fractional bits
    for (std::size_t i = 0; i < count; ++i)
      p[i] = static_cast<std::uint8_t>(
          (p[3 * i] * 19595u + p[3 * i + 1] * 38470u + p[3 * i + 2] * 7471u + 32768u) >> 16);
    p.resize(count);
  } else {
    p.resize(3 * count);
    for (std::size_t i = count; i-- > 0;) p[3 * i] = p[3 * i + 1] = p[3 * i + 2] = p[i];
  }
  image.shape.channels = channels;
}

}  // namespace

void require_picture_channels(int channels) {
  if (channels == 1 || channels == 3) return;
  throw usage_error(fmt::format(
      "this experiment reads {0} channels, but pictures are decoded to 1 (gray) or 3 (red, green, "
      "blue): save such data with NumPy, as images.npy of shape (N, {0}, H, W), and name its "
      "folder "
      "with --data",
      channels));
}

void decode_image(std::span<const std::byte> file, int channels, Image& out) {
  require_picture_channels(channels);
  const std::string_view start(reinterpret_cast<const char*>(file.data()),
                               std::min<std::size_t>(file.size(), 12));
  if (file.empty()) throw data_error("an empty file");
  if (start.starts_with("\xFF\xD8\xFF")) {
    decode_jpeg(file, out);
  } else if (start.starts_with("\x89PNG\r\n\x1A\n")) {
    decode_png(file, out);
  } else {
    const char* const kind = start.starts_with("GIF8")                              ? " but a GIF"
                             : start.starts_with("RIFF") && start.ends_with("WEBP") ? " but a WebP"
                             : start.starts_with("BM")                              ? " but a BMP"
                             : start.starts_with("<")                               ? " but a text"
                                                                                    : "";
    throw data_error(fmt::format("neither a JPEG nor a PNG{}: convert it", kind));
  }
  to_channels(channels, out);
}

void read_picture(const std::filesystem::path& path, int channels, Image& out) {
  const MappedFile file(path);
  try {
    decode_image(file.bytes(), channels, out);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file.name(), error.what()));
  }
}

void load_picture(const std::filesystem::path& path, Fit fit, PictureShape shape,
                  std::span<std::uint8_t> out) {
  Image image;
  read_picture(path, shape.channels, image);
  fit_image(image, fit, shape, out);
}

}  // namespace medley
