// Pictures cut into tiles.
#include "medley/files/tiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

std::vector<int> starts(int size, int tile, int overlap) {
  std::vector<int> result;
  for (const Tile& t : make_tiles(tile, size, tile, tile, overlap)) result.push_back(t.left);
  return result;
}

using Ints = std::vector<int>;

TEST(Tiles, LieEvenlyFromTheFirstPixelToTheLast) {
  EXPECT_EQ(starts(512, 128, 0), (Ints{0, 128, 256, 384}));
  EXPECT_EQ(starts(10, 4, 0), (Ints{0, 3, 6}));
  EXPECT_EQ(starts(9, 4, 0), (Ints{0, 2, 5}));
  EXPECT_EQ(starts(4, 4, 0), (Ints{0}));
  EXPECT_EQ(starts(3, 4, 2), (Ints{0}));
  EXPECT_EQ(starts(5, 4, 3), (Ints{0, 1}));
  EXPECT_EQ(starts(8, 4, 2), (Ints{0, 2, 4}));
}

TEST(Tiles, ShareAtLeastTheOverlapAndOwnEachPixelOnce) {
  for (int size = 1; size < 40; ++size)
    for (int tile = 1; tile < 9; ++tile)
      for (int overlap = 0; overlap < tile; ++overlap) {
        std::vector<int> owners(static_cast<std::size_t>(size));
        const std::vector<Tile> tiles = make_tiles(1, size, 9, tile, overlap);
        for (std::size_t i = 0; i < tiles.size(); ++i) {
          const Tile& t = tiles[i];
          ASSERT_GE(t.left_seam, t.left);
          ASSERT_LE(t.right_seam, t.left + tile);
          ASSERT_LE(t.right_seam, size);
          for (int x = t.left_seam; x < t.right_seam; ++x) ++owners[static_cast<std::size_t>(x)];
          if (i > 0) {
            ASSERT_GE(tiles[i - 1].left + tile - t.left, overlap) << size << ' ' << tile;
          }
        }
        ASSERT_EQ(std::ranges::count(owners, 1), size) << size << ' ' << tile << ' ' << overlap;
        ASSERT_TRUE(size < tile || tiles.back().left + tile == size);
      }
}

TEST(Tiles, AreBlackBeyondThePicture) {
  const Image image =
      make_image({3, 3, 5}, [](int y, int x, int c) { return 100 * c + 10 * y + x; });
  const std::vector<Tile> tiles = make_tiles(3, 5, 4, 4, 0);
  ASSERT_EQ(tiles.size(), 2u);
  std::vector<std::uint8_t> out(3 * 4 * 4);
  cut_tile(image, tiles[1], {3, 4, 4}, out);
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 4; ++x)
        EXPECT_EQ(out[static_cast<std::size_t>((c * 4 + y) * 4 + x)],
                  y == 3 ? 0 : 100 * c + 10 * y + x + 1);
}

}  // namespace
}  // namespace medley
