// Convolutions of stride 1 by Winograd's minimal filtering, F(4x4, 3x3) or F(2x2, 5x5): a tile of 4x4
// outputs and 3x3 taps takes 36 multiplications a pair of channels instead of 144, one of 2x2 outputs
// and 5x5 taps 36 instead of 100. Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks"
// (2015).
//
//   forward    y  = Aᵀ [ Σ_channel (G w Gᵀ) ⊙ (Bᵀ x B) ] A      x: 6x6 pixels of a tile
//   weights    gw = Gᵀ [ Σ_tile  (A gy Aᵀ) ⊙ (Bᵀ x B) ] G
//
// Backward to the data is the forward correlation with the weights turned by half a circle.
//
// Work goes by blocks of tiles of a whole shard: transform to the 36 points (16 channels across
// lanes), one matrix product a point, transform back. An output element is one chain of fused
// multiply-adds over the channels in rising order within fixed transforms; a weight's gradient is a
// chain over the tiles of a block, samples in order, and a sum over the blocks. Neither depends on
// register tiles or the instruction set.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "medley/kernels/winograd_product.hpp"
#include "medley/kernels/winograd_transform.hpp"

namespace medley::kernels {

// A tensor of activations, blocked; strides in floats.
struct Planes {
  int channels = 0;
  int sample = 0, block = 0, row = 0;
};

// A correlation of Taps x Taps taps. The input has Taps - 1 rows and columns more than the output; it
// is given by its first pixel under the first tap.
template <int Taps>
struct Winograd {
  static_assert(Taps == 3 || Taps == 5);
  static constexpr int side = 7 - Taps;  // of a tile of outputs

  Planes in, out;
  int height, width;  // of the output

  constexpr int tile_rows() const { return (height + side - 1) / side; }
  constexpr int tile_columns() const { return (width + side - 1) / side; }
  constexpr int tiles() const { return tile_rows() * tile_columns(); }
};

namespace detail::winograd {

// Channels in `blocks` blocks as groups of at most four, of sizes as equal as may be. The groups
// are part of the layout of transformed weights and the same everywhere.
struct Groups {
  int blocks;
  constexpr int count() const { return (blocks + 3) / 4; }
  constexpr int first(int group) const { return blocks * group / count(); }
  constexpr int size(int group) const { return first(group + 1) - first(group); }
  constexpr int most() const { return (blocks + count() - 1) / count(); }
  constexpr int group_of(int block) const {
    int group = 0;
    while (block >= first(group + 1)) ++group;
    return group;
  }
};

// A cache line more a point, so that the 36 points of a tile do not meet in the same set.
constexpr std::ptrdiff_t point_stride(int blocks, int tiles) {
  return static_cast<std::ptrdiff_t>(blocks) * tiles * lanes + lanes;
}

struct TilePlace {
  int sample, y, x;  // first output pixel
};
template <int Taps>
MEDLEY_INLINE TilePlace tile_place(const Winograd<Taps>& w, int tile) {
  const int in_sample = tile % w.tiles();
  return {tile / w.tiles(), in_sample / w.tile_columns() * w.side,
          in_sample % w.tile_columns() * w.side};
}
MEDLEY_INLINE std::ptrdiff_t tile_offset(const Planes& planes, const TilePlace& t, int block) {
  return static_cast<std::ptrdiff_t>(t.sample) * planes.sample + block * planes.block +
         t.y * planes.row + t.x * lanes;
}

// `count` tiles of one block of channels to their points; the tiles of `to` lie `to_tile` apart. Of
// at most 8 channels half vectors, which leaves the other lanes of `to` as they are.
template <class Matrix, int Lanes = lanes, int Taps>
void tiles_to_points(const Winograd<Taps>& w, const Planes& planes, const float* data, int block,
                     int first, int count, float* to, int to_tile, std::ptrdiff_t to_point) {
  constexpr int border = Matrix::from - Winograd<Taps>::side;  // none around an output
  if (Lanes > HalfVec::size && planes.channels <= HalfVec::size) {
    return tiles_to_points<Matrix, HalfVec::size>(w, planes, data, block, first, count, to, to_tile,
                                                  to_point);
  }
  for (int t = 0; t < count; ++t) {
    const TilePlace at = tile_place(w, first + t);
    to_points_clipped<Matrix, Lanes>({data + tile_offset(planes, at, block), planes.row},
                                     w.height + border - at.y, w.width + border - at.x,
                                     to + t * to_tile, to_point);
  }
}

// Tiles that go through the transforms and the products together: enough to use the weights often
// and to fill register tiles (multiples of 12, 8 and 6), few enough for the second-level cache.
template <int Taps>
constexpr int correlate_block(const Winograd<Taps>& w, int samples) {
  return std::min(48, w.tiles() * samples);
}
// Tiles in a chain of a weight's gradient.
template <int Taps>
constexpr int gradient_block(const Winograd<Taps>& w, int samples) {
  return std::min(64, w.tiles() * samples);
}
// Blocks of input channels whose sums stay near while tiles stream by: 1.2 MB at most, or 0.3 MB
// where all tiles are one block, as the transformed outputs then serve all slices.
template <int Taps>
constexpr int gradient_slice(const Winograd<Taps>& w, int samples) {
  const int one = points * lanes * block_count(w.out.channels) * lanes;
  const int most = w.tiles() * samples <= gradient_block(w, samples) ? 75'000 : 300'000;
  return std::clamp(most / one, 1, block_count(w.in.channels));
}

}  // namespace detail::winograd

// Transformed weights: [point][group of outputs][input][output of the group].
constexpr std::ptrdiff_t winograd_weight_floats(int inputs, int outputs) {
  return static_cast<std::ptrdiff_t>(detail::winograd::points) * inputs * block_count(outputs) *
         lanes;
}

// Weights between one input channel and one block of output channels to their places among all
// `winograd_weight_floats`; `taps` is a vector of outputs each.
template <int Taps>
void winograd_transform_weights(const float* taps, int tap_row, int inputs, int outputs, int input,
                                int output_block, float* weights) {
  using namespace detail::winograd;
  const Groups groups{block_count(outputs)};
  const int group = groups.group_of(output_block), first = groups.first(group);
  const int place = first * inputs + input * groups.size(group) + output_block - first;
  to_points<FromWeights<Taps>>({taps, tap_row},
                               weights + static_cast<std::ptrdiff_t>(place) * lanes,
                               static_cast<std::ptrdiff_t>(inputs) * groups.blocks * lanes);
}

template <int Taps>
constexpr std::ptrdiff_t winograd_scratch_floats(const Winograd<Taps>& w, int samples) {
  using namespace detail::winograd;
  const int tiles = correlate_block(w, samples);
  return points * (point_stride(block_count(w.in.channels), tiles) +
                   point_stride(Groups{block_count(w.out.channels)}.most(), tiles));
}

// `samples` samples, of at most `most_samples`. `bias` (one float a padded output channel) may be
// null. With `accumulate` the result is added to what `out` holds. With an activation Then, height and
// width are even, and `out` gets the maxima of 2 x 2 results each, NaN where one is, as Then has them.
template <class Then = void, int Taps>
void winograd_correlate(const Winograd<Taps>& w, int most_samples, int samples, const float* in,
                        const float* weights, const float* bias, float* out, bool accumulate,
                        float* scratch) {
  using namespace detail::winograd;
  constexpr int side = Winograd<Taps>::side;
  const int in_blocks = block_count(w.in.channels);
  const Groups groups{block_count(w.out.channels)};
  const int block = correlate_block(w, most_samples), tiles = samples * w.tiles();
  const std::ptrdiff_t in_point = point_stride(in_blocks, block);
  const std::ptrdiff_t out_point = point_stride(groups.most(), block);
  const std::ptrdiff_t weight_point =
      static_cast<std::ptrdiff_t>(w.in.channels) * groups.blocks * lanes;
  float* transformed = scratch;
  float* products = scratch + points * in_point;

  for (int first = 0; first < tiles; first += block) {
    const int count = std::min(block, tiles - first);
    for (int b = 0; b < in_blocks; ++b) {
      tiles_to_points<FromInput>(w, w.in, in, b, first, count, transformed + b * block * lanes,
                                 lanes, in_point);
    }
    for (int g = 0; g < groups.count(); ++g) {
      const int vectors = groups.size(g);
      const Product product_of{.depth = w.in.channels,
                               .per_block = lanes,
                               .a_step = 1,
                               .a_block = block * lanes,
                               .b_step = vectors * lanes,
                               .c_row = lanes,
                               .c_vector = block * lanes,
                               .accumulate = false};
      const float* group_weights =
          weights + static_cast<std::ptrdiff_t>(groups.first(g)) * w.in.channels * lanes;
      for (int point = 0; point < points; ++point) {
        product<lanes>(product_of, vectors, count, transformed + point * in_point,
                       group_weights + point * weight_point, products + point * out_point);
      }
      for (int v = 0; v < vectors; ++v) {
        const int b = groups.first(g) + v;
        for (int t = 0; t < count; ++t) {
          const TilePlace at = tile_place(w, first + t);
          const int rows = w.height - at.y, columns = w.width - at.x;
          const float* points_of = products + (v * block + t) * lanes;
          const float* start = bias ? bias + b * lanes : nullptr;
          if constexpr (std::is_void_v<Then>) {
            from_points_clipped<ToOutput<side>>(points_of, out_point,
                                                {out + tile_offset(w.out, at, b), w.out.row}, rows,
                                                columns, start, accumulate);
          } else {
            const TilePlace pooled{at.sample, at.y / 2, at.x / 2};
            pooled_from_points_clipped<ToOutput<side>, Then>(
                points_of, out_point, {out + tile_offset(w.out, pooled, b), w.out.row}, rows,
                columns, start);
          }
        }
      }
    }
  }
}

template <int Taps>
constexpr std::ptrdiff_t winograd_gradient_scratch_floats(const Winograd<Taps>& w, int samples) {
  using namespace detail::winograd;
  const int tiles = gradient_block(w, samples), slice = gradient_slice(w, samples);
  const int out_blocks = block_count(w.out.channels);
  return points * (point_stride(slice, tiles) + point_stride(out_blocks, tiles) +
                   point_stride(out_blocks, slice * lanes));
}

// Where the weights' gradient goes; strides in floats, a vector of outputs each.
struct TapStrides {
  std::ptrdiff_t out_block, in_block, channel, row;
};

// Gradient of the weights from the input and the gradient of the output, which may be given in any
// tensor of the same size.
template <int Taps>
void winograd_weight_gradient(const Winograd<Taps>& w, int most_samples, int samples,
                              const float* in, const float* gradient, const TapStrides& strides,
                              float* weights, bool accumulate, float* scratch) {
  using namespace detail::winograd;
  constexpr int side = Winograd<Taps>::side;
  const int in_blocks = block_count(w.in.channels), out_blocks = block_count(w.out.channels);
  const Groups groups{out_blocks};
  const int block = gradient_block(w, most_samples), tiles = samples * w.tiles();
  const int slice = gradient_slice(w, most_samples), width = out_blocks * lanes;
  const std::ptrdiff_t in_point = point_stride(slice, block);
  const std::ptrdiff_t out_point = point_stride(out_blocks, block);
  const std::ptrdiff_t sum_point = point_stride(out_blocks, slice * lanes);
  float* inputs = scratch;                      // [point][block of the slice][tile][16]
  float* outputs = inputs + points * in_point;  // [point][tile][output]
  float* sums = outputs + points * out_point;   // [point][input of the slice][output]

  for (int from = 0; from < in_blocks; from += slice) {
    const int to = std::min(in_blocks, from + slice);
    for (int first = 0; first < tiles; first += block) {
      const int count = std::min(block, tiles - first);
      const bool transformed = from > 0 && tiles <= block;  // outputs are those of the last slice
      for (int b = from; b < to; ++b) {
        tiles_to_points<FromInput>(w, w.in, in, b, first, count,
                                   inputs + (b - from) * block * lanes, lanes, in_point);
      }
      for (int b = 0; b < out_blocks && !transformed; ++b) {
        tiles_to_points<FromGradient<side>>(w, w.out, gradient, b, first, count,
                                            outputs + b * lanes, width, out_point);
      }
      const Product product_of{.depth = count,
                               .per_block = count,
                               .a_step = lanes,
                               .a_block = 0,
                               .b_step = width,
                               .c_row = width,
                               .c_vector = lanes,
                               .accumulate = first > 0};
      for (int point = 0; point < points; ++point) {
        for (int b = from; b < to; ++b) {
          const int rows = block_channels(w.in.channels, b);
          for (int g = 0; g < groups.count(); ++g) {
            const int offset = groups.first(g) * lanes;
            product<1>(product_of, groups.size(g), rows,
                       inputs + point * in_point + (b - from) * block * lanes,
                       outputs + point * out_point + offset,
                       sums + point * sum_point + (b - from) * lanes * width + offset);
          }
        }
      }
    }
    for (int b = from; b < to; ++b) {
      for (int c = 0; c < block_channels(w.in.channels, b); ++c) {
        for (int o = 0; o < out_blocks; ++o) {
          from_points<ToWeights<Taps>>(
              sums + ((b - from) * lanes + c) * width + o * lanes, sum_point,
              {weights + o * strides.out_block + b * strides.in_block + c * strides.channel,
               strides.row},
              nullptr, accumulate);
        }
      }
    }
  }
}

}  // namespace medley::kernels
