// Tensors: a pointer whose type knows the rest.
//
// Layouts of a shard's activations, all float:
//   blocked  [sample][channel / 16][y][x][channel % 16], the layout between layers
//   planar   [sample][channel][y][x], for pictures of fewer than 16 channels
// A tensor may carry a halo: a zero border of `Halo` pixels on every side, so that a convolution
// reads its padding instead of testing for it.
//
// Lanes that pad the last channel block: in parameters and gradients they are zero; in activations
// they may hold any finite number, and no kernel lets them into another lane.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "medley/base/shape.hpp"
#include "medley/base/vec.hpp"

namespace medley {

static_assert(lanes == Vec::size);

// The vector that does all channels of a pixel in a block: half of one where they fit it.
template <int Blocks, int Channels>
using PixelVec = std::conditional_t<Blocks == 1 && Channels <= HalfVec::size, HalfVec, Vec>;

template <Shape S, int Halo = 0, Layout L = Layout::blocked>
struct Tensor {
  static constexpr Shape shape = S;
  static constexpr int halo = Halo;
  static constexpr Layout layout = L;
  static constexpr int blocks = L == Layout::planar ? S.c : block_count(S.c);
  // Strides, in floats.
  static constexpr int pixel = L == Layout::planar ? 1 : lanes;
  static constexpr int row = (S.w + 2 * Halo) * pixel;
  static constexpr int block = (S.h + 2 * Halo) * row;
  static constexpr int sample = blocks * block;
  // For blocked tensors.
  using Pixel = PixelVec<blocks, S.c>;

  float* data = nullptr;

  // First float of pixel (y, x) in a block of a sample; y and x may reach into the halo.
  MEDLEY_INLINE float* at(int n, int b, int y, int x) const {
    return data + static_cast<std::ptrdiff_t>(n) * sample + b * block + (y + Halo) * row +
           (x + Halo) * pixel;
  }

  // Writes the border of `samples` samples.
  void zero_halo(int samples) const {
    if constexpr (Halo > 0) {
      for (int nb = 0; nb < samples * blocks; ++nb) {
        float* p = data + static_cast<std::ptrdiff_t>(nb) * block;
        std::fill_n(p, Halo * row, 0.0f);
        for (int y = Halo; y < S.h + Halo; ++y) {
          std::fill_n(p + y * row, Halo * pixel, 0.0f);
          std::fill_n(p + (y + 1) * row - Halo * pixel, Halo * pixel, 0.0f);
        }
        std::fill_n(p + (S.h + Halo) * row, Halo * row, 0.0f);
      }
    }
  }
};

// Calls f(sample, block, y, x) for every pixel of every block of `samples` samples.
template <class T, class F>
MEDLEY_INLINE void for_each_pixel(int samples, F&& f) {
  for (int n = 0; n < samples; ++n) {
    for (int b = 0; b < T::blocks; ++b) {
      for (int y = 0; y < T::shape.h; ++y) {
        for (int x = 0; x < T::shape.w; ++x) f(n, b, y, x);
      }
    }
  }
}

}  // namespace medley
