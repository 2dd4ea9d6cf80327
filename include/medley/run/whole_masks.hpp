// Masks as large as the picture, of networks that see pictures of one size.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "medley/engine/engine.hpp"
#include "medley/files/whole_picture.hpp"
#include "medley/run/prediction.hpp"

namespace medley {

// The mask of a fitted picture in the picture's own size: outputs are interpolated bilinearly between
// their pixels' middles, then the class is told; 255 where the network has not seen the picture, as
// outside of what Fit::crop keeps. For Fit::stretch, PyTorch's F.interpolate(outputs, (height, width),
// mode="bilinear").argmax(1).
std::vector<std::uint8_t> mask_in_own_size(const HeadPrediction& head,
                                           std::span<const float> outputs, Fit fit,
                                           PictureShape picture);

// Masks of pictures that are cut into tiles (files/tiles.hpp). Where tiles share pixels, the class is
// the one with the largest mean of the tiles' probabilities (of outputs, where a loss has none),
// weighted by how far the pixel is from the tile's borders: the product of min(1 + y, height - y) and
// the same of x. So there is no seam, and a tile counts most where it sees most around. Memory for
// the means is that of a row of tiles.
class TiledMasks {
 public:
  // `overlap`: pixels that neighbours share at least. All must outlive it.
  TiledMasks(Engine& engine, const Description& description,
             const std::vector<std::pair<int, HeadPrediction>>& heads, int overlap);

  // A mask for each head that answers one, in order; height x width of the picture.
  const std::vector<std::vector<std::uint8_t>>& predict(const WholePicture& picture);

 private:
  struct Head {
    int index;  // in the description
    const HeadPrediction* head;
    std::vector<float> sums;  // classes x tile height x picture width
    std::vector<std::uint8_t>* mask;
  };

  void add(Head& one, std::span<const float> outputs, int left, int width);
  void finish_rows(Head& one, int rows, int top, int width);

  Engine& engine_;
  PictureShape tile_;
  int overlap_;
  std::vector<std::vector<float>> outputs_;  // of each head, for a batch
  std::vector<float*> pointers_;
  std::vector<std::byte> pixels_;
  std::vector<Record> records_;
  std::vector<Head> heads_;
  std::vector<std::vector<std::uint8_t>> masks_;
  std::vector<float> scores_;
};

}  // namespace medley
