// Pictures larger than what an experiment reads, cut into tiles of that size.
//
// Along an axis of `size` pixels there are n = max(1, ceil((size - overlap) / (tile - overlap))) tiles, of which tile i
// begins at floor(i (size - tile) / (n - 1)): the first at the first pixel, the last ends at the last one, and neighbours
// share `overlap` pixels or more. A picture that is smaller than a tile lies at its upper left. Tiles are counted row by
// row.
//
// Where tiles are put together again, a pixel is taken from the tile whose middle is nearest: seams lie in the middle of
// what neighbours share.
#pragma once

#include <vector>

#include "medley/files/image.hpp"

namespace medley {

struct Tile {
  int top = 0, left = 0;
  // The pixels that are taken from this tile, in the picture: rows top_seam to bottom_seam - 1, and columns alike. Those
  // of all tiles are the picture, each pixel once.
  int top_seam = 0, bottom_seam = 0, left_seam = 0, right_seam = 0;
};

// `overlap` is 0 or more and less than a tile's height and width.
std::vector<Tile> make_tiles(int height, int width, int tile_height, int tile_width, int overlap);

// The part of the picture that begins at the tile's upper left, as shape.channels planes; `beyond` where the picture ends
// before. `out` has shape.bytes(); shape.channels must be the image's.
void cut_tile(const Image& image, const Tile& tile, PictureShape shape, std::span<std::uint8_t> out,
              std::uint8_t beyond = 0);

}  // namespace medley
