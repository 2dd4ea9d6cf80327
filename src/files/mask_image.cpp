#include "medley/files/mask_image.hpp"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <array>

#include "medley/base/error.hpp"

namespace medley {

namespace {

using Color = std::array<std::uint8_t, 3>;

// Bits 0, 1, 2 of the class become the highest bits of red, green, blue, bits 3, 4, 5 the next, and
// so on: neighbours differ clearly, and class 0 is black.
Color class_color(unsigned c, int classes) {
  if (classes == 2) return c == 0 ? Color{0, 0, 0} : Color{255, 255, 255};
  Color color{};
  for (unsigned bit = 0; bit < 8; ++bit) {
    const unsigned value = (c >> bit & 1u) << (7 - bit / 3);
    color[bit % 3] = static_cast<std::uint8_t>(color[bit % 3] | value);
  }
  return color;
}

}  // namespace

void write_mask(const std::filesystem::path& path, int height, int width,
                std::span<const std::uint8_t> mask, int classes) {
  std::array<Color, 256> colors;
  for (unsigned c = 0; c < colors.size(); ++c) colors[c] = class_color(c, classes);
  constexpr std::uint8_t not_known = 255;
  colors[not_known] = {128, 128, 128};
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(height);
  image.width = static_cast<png_uint_32>(width);
  image.format = PNG_FORMAT_RGB_COLORMAP;
  const bool all_known = std::ranges::find(mask, not_known) == mask.end();
  image.colormap_entries = all_known ? static_cast<png_uint_32>(classes) : 256;
  if (png_image_write_to_file(&image, path.c_str(), 0, mask.data(), 0, colors.data()) == 0) {
    throw io_error(fmt::format("{} cannot be written: {}", path.string(), image.message));
  }
}

}  // namespace medley
