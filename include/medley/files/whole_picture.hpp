// Picture files as large as they are, in the pixels that a network reads: for tiles, and for what wants to know
// their size.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "medley/files/deep_image.hpp"
#include "medley/files/image.hpp"
#include "medley/files/tiles.hpp"

namespace medley {

struct WholePicture {
  PixelFormat pixels;
  Image bytes;     // where pixels are uint8
  DeepImage deep;  // where they are not

  PictureShape shape() const { return pixels.type == PixelType::u8 ? bytes.shape : deep.shape; }
};

// Reads and decodes a file as load_picture does. Reuses the memory of `out`. Throws io_error or data_error naming it.
void read_picture(const std::filesystem::path& path, int channels, const PixelFormat& pixels,
                  WholePicture& out);

// As load_picture fits it.
void fit_picture(const WholePicture& picture, Fit fit, PictureShape shape,
                 std::span<std::byte> out);

// The tile as shape.channels planes; black where the picture ends before.
void cut_tile(const WholePicture& picture, const Tile& tile, PictureShape shape,
              std::span<std::byte> out);

}  // namespace medley
