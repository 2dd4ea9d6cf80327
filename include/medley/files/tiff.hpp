// TIFF files, through libtiff: one page or many, as satellites, microscopes and scanners write them.
//
// Read are 8, 16, 32 and 64 bits a sample, whole numbers or floats, 1 to 16 samples a pixel, side by side or
// in planes, in strips or tiles, all compressions of libtiff. What else a picture of 8 bits may be
// (palettes, YCbCr, CMYK, fewer bits) is read as libtiff draws it. Orientation is applied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "medley/files/deep_image.hpp"

namespace medley {

bool is_tiff(std::span<const std::byte> file);

inline constexpr int max_tiff_samples = 16;

// A TIFF file in memory, page after page. Thumbnails and transparency masks are no pages.
class TiffReader {
 public:
  // Goes to the first page. Throws data_error with the reason alone, as all of its functions.
  explicit TiffReader(std::span<const std::byte> file);
  ~TiffReader();
  TiffReader(const TiffReader&) = delete;
  TiffReader& operator=(const TiffReader&) = delete;

  // Goes to the next page, or returns false.
  bool next_page();
  // Where the page is in the file, and back to one.
  std::uint64_t place() const;
  void go_to(std::uint64_t place);

  // Samples of a pixel, with alpha if there is one; and whether the last of 2 or 4 is alpha.
  int samples() const;
  bool has_alpha() const;
  // Whether colours are times alpha already.
  bool alpha_is_associated() const;
  // uint8, uint16, or float32 for all else.
  PixelType type() const;
  // Reads the page, floats with a range of 0 to 1. Reuses the memory of `out`.
  void read(DeepImage& out);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

// The page at this place, 0 for the first, with so many channels; `floats` is as for decode_deep.
void decode_tiff_page(std::span<const std::byte> file, std::uint64_t place, int channels,
                      const PixelFormat& floats, DeepImage& out);

// The first page as 8 bits: 16 are rounded, floats are refused. Throws data_error.
void decode_tiff(std::span<const std::byte> file, int channels, Image& out);

}  // namespace medley
