#include "medley/files/png.hpp"

#include <png.h>

#include <stdexcept>

namespace medley {

namespace {

// `image` has its size and format. Only a picture that no caller should make fails here.
std::vector<std::byte> encode(png_image& image, const void* pixels, const void* colors) {
  image.version = PNG_IMAGE_VERSION;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<std::byte> file(size);
  if (png_image_write_to_memory(&image, file.data(), &size, 0, pixels, 0, colors) == 0)
    throw std::logic_error(std::string("a picture is not one that PNG has: ") + image.message);
  file.resize(size);
  return file;
}

}  // namespace

std::vector<std::byte> encode_png(const Image& picture) {
  png_image image{};
  image.width = static_cast<png_uint_32>(picture.shape.width);
  image.height = static_cast<png_uint_32>(picture.shape.height);
  image.format = picture.shape.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  return encode(image, picture.pixels.data(), nullptr);
}

std::vector<std::byte> encode_indexed_png(int height, int width,
                                          std::span<const std::uint8_t> indices,
                                          std::span<const PaletteColor> colors) {
  png_image image{};
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGBA_COLORMAP;
  image.colormap_entries = static_cast<png_uint_32>(colors.size());
  return encode(image, indices.data(), colors.data());
}

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const auto at = [&](std::size_t k) {
      return k < left ? static_cast<std::uint32_t>(bytes[i + k]) : 0u;
    };
    const std::uint32_t three = at(0) << 16 | at(1) << 8 | at(2);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= left ? digits[three >> (18 - 6 * k) & 63u] : '=';
  }
  return text;
}

std::string png_uri(std::span<const std::byte> file) {
  return "data:image/png;base64," + base64(file);
}

}  // namespace medley
