// Small pictures for pages: as PNG files in memory, and these as text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "medley/files/image.hpp"

namespace medley {

// A picture of 1 channel (gray) or 3 (red, green, blue), height x width x channels.
std::vector<std::byte> encode_png(const Image& image);

// Red, green, blue, and how much it covers: 0 nothing, 255 all.
using PaletteColor = std::array<std::uint8_t, 4>;
// height x width indices of at most 256 colours, as an indexed PNG with transparency.
std::vector<std::byte> encode_indexed_png(int height, int width,
                                          std::span<const std::uint8_t> indices,
                                          std::span<const PaletteColor> colors);

// RFC 4648, section 4, with padding.
std::string base64(std::span<const std::byte> bytes);
// "data:image/png;base64,...".
std::string png_uri(std::span<const std::byte> file);

}  // namespace medley
