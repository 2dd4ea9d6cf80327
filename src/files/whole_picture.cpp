#include "medley/files/whole_picture.hpp"

#include <fmt/format.h>

#include "medley/base/error.hpp"
#include "medley/files/mapped_file.hpp"

namespace medley {

namespace {

std::span<std::uint8_t> as_bytes_of(std::span<std::byte> out) {
  return {reinterpret_cast<std::uint8_t*>(out.data()), out.size()};
}

}  // namespace

void read_picture(const std::filesystem::path& path, int channels, const PixelFormat& pixels,
                  WholePicture& out) {
  const MappedFile file(path);
  out.pixels = pixels;
  try {
    if (pixels.type == PixelType::u8) {
      decode_image(file.bytes(), channels, out.bytes);
    } else {
      decode_deep(file.bytes(), channels, pixels, out.deep);
    }
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file.name(), error.what()));
  }
}

void fit_picture(const WholePicture& picture, Fit fit, PictureShape shape,
                 std::span<std::byte> out) {
  if (picture.pixels.type == PixelType::u8)
    return fit_image(picture.bytes, fit, shape, as_bytes_of(out));
  fit_image(picture.deep, fit, shape, picture.pixels, out);
}

void cut_tile(const WholePicture& picture, const Tile& tile, PictureShape shape,
              std::span<std::byte> out) {
  if (picture.pixels.type == PixelType::u8)
    return cut_tile(picture.bytes, tile, shape, as_bytes_of(out));
  const DeepImage part = part_of(picture.deep, tile.top, tile.left, shape.height, shape.width);
  fit_image(part, Fit::stretch, shape, picture.pixels,
            out);  // of the same size: what it is, in other units
}

}  // namespace medley
