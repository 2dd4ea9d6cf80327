// Pictures: JPEG, PNG, BMP and WebP of any size and kind, decoded to 8-bit RGB or gray and fitted to the shape
// that an experiment reads.
//
// The same file gives the same bytes on every machine. JPEG: the exact integer DCT (JDCT_ISLOW), no
// smoothing of blocks, and "fancy" (triangle) upsampling of the chroma: libjpeg-turbo's vector code
// for these gives the bytes of its plain C code, and its own tests hold every platform to the same
// checksums. Switching fancy upsampling off would bring in the merged upsampler, another code path,
// for less quality. Resizing is our own, in integers.
//
// WebP: libwebp holds its vector code to the bytes of its plain C code, too. Of an animation no picture is read.
//
// The Exif orientation of a JPEG or WebP is applied (exif.hpp), as viewers do and Pillow's
// ImageOps.exif_transpose; colour profiles and gamma are not, as in Pillow and torchvision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace medley {

struct PictureShape {
  int channels = 0, height = 0, width = 0;  // 1 channel is gray, 3 are red, green, blue
  constexpr std::size_t bytes() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) *
           static_cast<std::size_t>(width);
  }
  friend constexpr bool operator==(const PictureShape&, const PictureShape&) = default;
};

// A decoded picture, height x width x channels.
struct Image {
  PictureShape shape;
  std::vector<std::uint8_t> pixels;
  int orientation = 1;  // that Exif told, and that was applied (exif.hpp)
};

// Larger pictures are refused before memory is taken for them.
inline constexpr std::uint64_t max_side = 65'535, max_pixels = std::uint64_t{1} << 28;

// Throws usage_error unless pictures have so many channels: 1 (gray) or 3 (red, green, blue). What a
// further one would mean (alpha, depth, infrared) no picture file says, and a JPEG has none.
void require_picture_channels(int channels);

// Decodes a JPEG, PNG, BMP or WebP file held in memory to `channels`, as require_picture_channels wants them;
// the kind is told by its first bytes. Transparent pictures are laid on white, 16 bits are rounded to 8, colour becomes gray by
// ITU-R BT.601. Reuses the memory of `out`. Throws data_error with the reason alone (the caller
// knows the name) if the data are damaged in any way, cut off, too large or of another kind.
void decode_image(std::span<const std::byte> file, int channels, Image& out);

// How a picture of another aspect ratio becomes height x width.
enum class Fit : std::uint8_t {
  crop,     // scaled so that it covers the frame; what sticks out is cut off on both sides alike
  stretch,  // squeezed into the frame
  pad,      // scaled so that it fits into the frame; black on both sides alike
};
// Throws usage_error for another word than crop, stretch, pad.
Fit parse_fit(std::string_view text);
std::string_view to_string(Fit fit);

// Resizes to channels x height x width planes. A separable triangle filter whose width grows with
// the reduction (as Pillow's BILINEAR and torchvision's antialiased Resize), with integer weights
// that sum to exactly 1: a constant picture stays constant, and the result is the same bits
// everywhere. `out` has shape.bytes(); shape.channels must be the image's.
void fit_image(const Image& image, Fit fit, PictureShape shape, std::span<std::uint8_t> out);

// Reads, decodes and fits a picture file. Throws io_error or data_error naming the file.
void load_picture(const std::filesystem::path& path, Fit fit, PictureShape shape,
                  std::span<std::uint8_t> out);

}  // namespace medley
