// Pictures that a library decodes in one call: BMP, WebP.
#include "files/image_formats.hpp"

#include <fmt/format.h>
#include <webp/decode.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <memory>

#include "medley/base/error.hpp"
#include "medley/files/exif.hpp"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_FAILURE_STRINGS
#include <stb/stb_image.h>

namespace medley {

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

namespace {

// A little-endian number of 2 or 4 bytes; 0 beyond the end.
std::uint32_t little_endian(std::span<const std::byte> file, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = size; i-- > 0 && at + i < file.size();)
    value = value << 8 | static_cast<std::uint32_t>(file[at + i]);
  return value;
}

struct BmpHeader {
  std::uint64_t height, width, bits;
};

// Throws what stb_image would not tell: it reads zeros where a file is cut off.
BmpHeader check_bmp(std::span<const std::byte> file) {
  constexpr std::size_t info = 14;  // where the second header begins, with its own size
  const bool old = little_endian(file, info, 4) == 12;  // of OS/2: sizes of 16 bits
  const std::size_t sides = old ? 2 : 4, after = info + 4 + 2 * sides + 2;
  const std::uint32_t height = little_endian(file, info + 4 + sides, sides);
  const bool downwards = !old && height > 0x7FFFFFFF;  // negative
  const BmpHeader header{downwards ? 0 - height : height, little_endian(file, info + 4, sides),
                         little_endian(file, after, 2)};
  check_size(header.height, header.width);
  const std::uint32_t compression = old ? 0 : little_endian(file, after + 2, 4);
  if (compression == 1 || compression == 2) throw data_error("a BMP of run lengths: convert it");
  constexpr std::array<std::uint64_t, 6> bits{1, 4, 8, 16, 24, 32};
  if (std::ranges::find(bits, header.bits) == bits.end())
    throw data_error(fmt::format("a BMP of {} bits a pixel: convert it", header.bits));
  const std::uint64_t row = (header.width * header.bits + 31) / 32 * 4;
  const std::uint64_t last = (header.width * header.bits + 7) / 8;
  if (little_endian(file, 10, 4) + row * (header.height - 1) + last > file.size())
    refuse_short_file("BMP");
  return header;
}

// The orientation in the Exif block of a WebP file, if it has one.
int webp_orientation(std::span<const std::byte> file) {
  constexpr std::uint32_t exif = 'E' | 'X' << 8 | 'I' << 16 | 'F' << 24;
  for (std::uint64_t at = 12; at + 8 <= file.size();) {
    const std::uint64_t size = little_endian(file, at + 4, 4);
    if (little_endian(file, at, 4) == exif && at + 8 + size <= file.size()) {
      const std::span<const std::byte> block = file.subspan(at + 8, size);
      const bool marked = little_endian(block, 0, 4) == ('E' | 'x' << 8 | 'i' << 16 | 'f' << 24);
      return exif_orientation(block.subspan(marked && size >= 6 ? 6 : 0));
    }
    at += 8 + size + size % 2;
  }
  return 1;
}

}  // namespace

void decode_bmp(std::span<const std::byte> file, Image& out) {
  const BmpHeader header = check_bmp(file);
  if (file.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw data_error("a BMP of more than 2 GiB");
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, decltype(&std::free)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(file.data()),
                            static_cast<int>(file.size()), &width, &height, &channels, 0),
      &std::free);
  if (pixels == nullptr || static_cast<std::uint64_t>(height) != header.height ||
      static_cast<std::uint64_t>(width) != header.width)
    throw data_error("damaged BMP");
  out.shape = {channels, height, width};
  out.pixels.assign(pixels.get(), pixels.get() + out.shape.bytes());
}

void decode_webp(std::span<const std::byte> file, Image& out) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(file.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, file.size(), &features) != VP8_STATUS_OK)
    throw data_error("damaged WebP");
  if (features.has_animation != 0) throw data_error("an animated WebP: save one of its pictures");
  const auto height = static_cast<std::uint64_t>(features.height),
             width = static_cast<std::uint64_t>(features.width);
  check_size(height, width);
  // Pictures of one colour pack well, but large ones are rare, and a few bytes may promise any number of pixels.
  constexpr std::uint64_t always_read = 1 << 24, most_pixels_a_byte = 1 << 11;
  if (height * width > std::max(always_read, most_pixels_a_byte * file.size()))
    refuse_short_file("WebP");
  const bool alpha = features.has_alpha != 0;
  out.shape = {alpha ? 4 : 3, features.height, features.width};
  out.pixels.resize(out.shape.bytes());
  const auto decode = alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(data, file.size(), out.pixels.data(), out.pixels.size(),
             out.shape.channels * features.width) == nullptr)
    throw data_error("damaged WebP, or one that is cut off");
  out.orientation = webp_orientation(file);
}

}  // namespace medley
