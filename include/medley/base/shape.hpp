// Shapes and layouts, known at compile time, and the vector's width. Whoever computes nothing (the
// shell) needs no more of tensors than this.
#pragma once

#include <algorithm>

namespace medley {

// Floats of the virtual vector (base/vec.hpp), and channels of a block.
inline constexpr int lanes = 16;

// Number of 16-channel blocks that hold `channels` channels.
constexpr int block_count(int channels) { return (channels + lanes - 1) / lanes; }
// Number of channels in block `block` of `channels`.
constexpr int block_channels(int channels, int block) {
  return std::min(lanes, channels - block * lanes);
}

// Channels, height and width of one sample. A vector of n features is {n, 1, 1}.
struct Shape {
  int c = 0, h = 1, w = 1;
  constexpr int pixels() const { return h * w; }
  constexpr int elements() const { return c * h * w; }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

enum class Layout { blocked, planar };

}  // namespace medley
