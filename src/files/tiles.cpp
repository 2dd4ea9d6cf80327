#include "medley/files/tiles.hpp"

#include <algorithm>

namespace medley {
namespace {

struct AxisTile {
  int start, from, to;  // its first pixel; the pixels that are its own
};

std::vector<AxisTile> axis_tiles(int size, int tile, int overlap) {
  const int step = tile - overlap;
  const int count = std::max(1, (size - overlap + step - 1) / step);
  std::vector<AxisTile> tiles;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t start = count == 1 ? 0 : i * (size - tile) / (count - 1);
    tiles.push_back({static_cast<int>(start), 0, size});
  }
  for (std::size_t i = 1; i < tiles.size(); ++i)
    tiles[i].from = tiles[i - 1].to = (tiles[i].start + tiles[i - 1].start + tile) / 2;
  return tiles;
}

}  // namespace

std::vector<Tile> make_tiles(int height, int width, int tile_height, int tile_width, int overlap) {
  const std::vector<AxisTile> columns = axis_tiles(width, tile_width, overlap);
  std::vector<Tile> tiles;
  for (const AxisTile& row : axis_tiles(height, tile_height, overlap))
    for (const AxisTile& column : columns)
      tiles.push_back({row.start, column.start, row.from, row.to, column.from, column.to});
  return tiles;
}

void cut_tile(const Image& image, const Tile& tile, PictureShape shape, std::span<std::uint8_t> out,
              std::uint8_t beyond) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  const int height = std::min(shape.height, image.shape.height - tile.top);
  const int width = std::min(shape.width, image.shape.width - tile.left);
  std::ranges::fill(out, beyond);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const std::size_t from =
          (static_cast<std::size_t>(tile.top + y) * static_cast<std::size_t>(image.shape.width) +
           static_cast<std::size_t>(tile.left + x)) *
          channels;
      for (std::size_t c = 0; c < channels; ++c)
        out[(c * static_cast<std::size_t>(shape.height) + static_cast<std::size_t>(y)) *
                static_cast<std::size_t>(shape.width) +
            static_cast<std::size_t>(x)] = image.pixels[from + c];
    }
}

}  // namespace medley
