// Convolutions of 3x3 taps and stride 1 by Winograd's minimal filtering F(4x4, 3x3): a tile of 4x4
// outputs takes 36 multiplications a pair of channels instead of 144. Lavin & Gray, "Fast
// Algorithms for Convolutional Neural Networks" (2015).
//
//   forward    y  = Aᵀ [ Σ_channel (G w Gᵀ) ⊙ (Bᵀ x B) ] A      x: 6x6, y: 4x4 pixels of a tile
//   weights    gw = Gᵀ [ Σ_tile  (A gy Aᵀ) ⊙ (Bᵀ x B) ] G
//
// Backward to the data is the forward correlation with the weights turned by half a circle. The
// rows of A, B, G belong to the six points 0, p, -p, q, -q, ∞ at which the polynomials of the lines
// are multiplied. p = 3/4, q = 3/2 leave half the error of the customary 1, 2: about 1e-6 of an
// output's root mean square.
//
//   A   1  a  a²  a³             Bᵀ  coefficients of Π (x - other points), rising powers
//   G   (1  a  a²) / Π (a - other points)          (∞: the highest power alone, Π over all points)
//
// Work goes by blocks of tiles of a whole shard: transform to the 36 points (16 channels across
// lanes), one matrix product a point, transform back. An output element is one chain of fused
// multiply-adds over the channels in rising order within fixed transforms; a weight's gradient is a
// chain over the tiles of a block, samples in order, and a sum over the blocks. Neither depends on
// register tiles or the instruction set.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "medley/base/tensor.hpp"
#include "medley/base/vec.hpp"

namespace medley::kernels {

// A tensor of activations, blocked; strides in floats.
struct Planes {
  int channels = 0;
  int sample = 0, block = 0, row = 0;
};

// A correlation of 3x3 taps. The input has two rows and columns more than the output; it is given
// by its first pixel under the first tap.
struct Winograd {
  Planes in, out;
  int height, width;  // of the output

  constexpr int tile_rows() const { return (height + 3) / 4; }
  constexpr int tile_columns() const { return (width + 3) / 4; }
  constexpr int tiles() const { return tile_rows() * tile_columns(); }
};

namespace detail::winograd {

inline constexpr int points = 36;
inline constexpr float p = 0.75f, q = 1.5f;  // every product below is exact in a float but 1 / ...
inline constexpr float p2 = p * p, q2 = q * q, p3 = p2 * p, q3 = q2 * q;
inline constexpr float at_zero = 1.0f / (p2 * q2);
inline constexpr float at_p = 1.0f / (2 * p2 * (p2 - q2)), at_q = 1.0f / (2 * q2 * (q2 - p2));

template <class V>
MEDLEY_INLINE V times(float a, const V& v) {
  return V::broadcast(a) * v;
}
// a · v + w
template <class V>
MEDLEY_INLINE V axpy(float a, const V& v, const V& w) {
  return fma(V::broadcast(a), v, w);
}

// --- the matrices, applied to one line -----------------------------------------------------------

// One or two rows of a result.
struct Rows {
  int first, second;
};

// Bᵀ d: six pixels to six points.
struct FromInput {
  static constexpr int from = 6, to = 6;
  static constexpr std::array<Rows, 4> rows{{{0, 0}, {1, 2}, {3, 4}, {5, 5}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&d)[6], V (&t)[6]) {
    const V even_p = axpy(-q2, d[2], d[4]), odd_p = axpy(-q2, d[1], d[3]);
    const V even_q = axpy(-p2, d[2], d[4]), odd_q = axpy(-p2, d[1], d[3]);
    t[0] = axpy(p2 * q2, d[0], axpy(-(p2 + q2), d[2], d[4]));
    t[1] = axpy(p, odd_p, even_p);
    t[2] = axpy(-p, odd_p, even_p);
    t[3] = axpy(q, odd_q, even_q);
    t[4] = axpy(-q, odd_q, even_q);
    t[5] = axpy(p2 * q2, d[1], axpy(-(p2 + q2), d[3], d[5]));
  }
};

// G w: three taps to six points.
struct FromWeights {
  static constexpr int from = 3, to = 6;
  static constexpr std::array<Rows, 4> rows{{{0, 0}, {1, 2}, {3, 4}, {5, 5}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&w)[3], V (&t)[6]) {
    const V even_p = axpy(at_p * p2, w[2], times(at_p, w[0]));
    const V even_q = axpy(at_q * q2, w[2], times(at_q, w[0]));
    t[0] = times(at_zero, w[0]);
    t[1] = axpy(at_p * p, w[1], even_p);
    t[2] = axpy(-at_p * p, w[1], even_p);
    t[3] = axpy(at_q * q, w[1], even_q);
    t[4] = axpy(-at_q * q, w[1], even_q);
    t[5] = w[2];
  }
};

// Aᵀ m: six points to four outputs.
struct ToOutput {
  static constexpr int from = 6, to = 4;
  static constexpr std::array<Rows, 2> rows{{{0, 2}, {1, 3}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&m)[6], V (&y)[4]) {
    const V even_p = m[1] + m[2], odd_p = m[1] - m[2];
    const V even_q = m[3] + m[4], odd_q = m[3] - m[4];
    y[0] = m[0] + (even_p + even_q);
    y[1] = axpy(p, odd_p, times(q, odd_q));
    y[2] = axpy(p2, even_p, times(q2, even_q));
    y[3] = axpy(p3, odd_p, axpy(q3, odd_q, m[5]));
  }
};

// A g: gradients of four outputs to six points.
struct FromGradient {
  static constexpr int from = 4, to = 6;
  static constexpr std::array<Rows, 4> rows{{{0, 0}, {1, 2}, {3, 4}, {5, 5}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&g)[4], V (&t)[6]) {
    const V even_p = axpy(p2, g[2], g[0]), odd_p = axpy(p2, g[3], g[1]);
    const V even_q = axpy(q2, g[2], g[0]), odd_q = axpy(q2, g[3], g[1]);
    t[0] = g[0];
    t[1] = axpy(p, odd_p, even_p);
    t[2] = axpy(-p, odd_p, even_p);
    t[3] = axpy(q, odd_q, even_q);
    t[4] = axpy(-q, odd_q, even_q);
    t[5] = g[3];
  }
};

// Gᵀ s: six points to gradients of three taps.
struct ToWeights {
  static constexpr int from = 6, to = 3;
  static constexpr std::array<Rows, 2> rows{{{0, 2}, {1, 1}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&s)[6], V (&g)[3]) {
    const V even_p = s[1] + s[2], odd_p = s[1] - s[2];
    const V even_q = s[3] + s[4], odd_q = s[3] - s[4];
    g[0] = axpy(at_zero, s[0], axpy(at_p, even_p, times(at_q, even_q)));
    g[1] = axpy(at_p * p, odd_p, times(at_q * q, odd_q));
    g[2] = axpy(at_p * p2, even_p, axpy(at_q * q2, even_q, s[5]));
  }
};

// Pixels or taps side by side in rows that lie `row` floats apart.
template <class Float>
struct Square {
  Float* data;
  std::ptrdiff_t row;
  MEDLEY_INLINE Float* at(int y, int x) const { return data + y * row + x * lanes; }
};

// M s Mᵀ for the matrix M, by registers of channels, as a whole vector's rows would not fit them. s
// is read by get(row, column, first channel), the result goes to put(row, column, first channel,
// vector). One row of M s, or two that share what they are computed from, is made at a time and
// stays in registers.
template <class Matrix, class Get, class Put>
MEDLEY_INLINE void transform(Get&& get, Put&& put) {
  using V = PartVec;
  constexpr int n = Matrix::from, m = Matrix::to;
  for (int channel = 0; channel < lanes; channel += V::size) {
    unroll<Matrix::rows.size()>([&](auto pass) MEDLEY_INLINE_LAMBDA {
      constexpr Rows rows = Matrix::rows[decltype(pass)::value];
      V half[2][n], line[n], result[m];
      unroll<n>([&](auto x) MEDLEY_INLINE_LAMBDA {
        unroll<n>([&](auto y) MEDLEY_INLINE_LAMBDA { line[y] = get(y, x, channel); });
        Matrix::line(line, result);  // what no row below takes is never computed
        half[0][x] = result[rows.first];
        half[1][x] = result[rows.second];
      });
      const auto finish = [&](const V(&row)[n], int y) MEDLEY_INLINE_LAMBDA {
        Matrix::line(row, result);
        unroll<m>([&](auto x) MEDLEY_INLINE_LAMBDA { put(y, x, channel, result[x]); });
      };
      finish(half[0], rows.first);
      if constexpr (rows.second != rows.first) finish(half[1], rows.second);
    });
  }
}

// To the 36 points, `stride` floats apart.
template <class Matrix>
[[gnu::noinline]] void to_points(Square<const float> from, float* to, std::ptrdiff_t stride) {
  transform<Matrix>([&](int y, int x, int c)
                        MEDLEY_INLINE_LAMBDA { return PartVec::load(from.at(y, x) + c); },
                    [&](int y, int x, int c, const PartVec& v)
                        MEDLEY_INLINE_LAMBDA { v.store(to + (y * 6 + x) * stride + c); });
}

// The same of a tile that reaches beyond the picture: only `rows` by `columns` pixels are there,
// the others count as zero.
template <class Matrix>
void to_points_clipped(Square<const float> from, int rows, int columns, float* to,
                       std::ptrdiff_t stride) {
  constexpr int n = Matrix::from;
  if (rows >= n && columns >= n) return to_points<Matrix>(from, to, stride);
  alignas(64) float pixels[n * n * lanes] = {};
  const Square<float> patch{pixels, n * lanes};
  for (int y = 0; y < std::min(rows, n); ++y) {
    for (int x = 0; x < std::min(columns, n); ++x) Vec::load(from.at(y, x)).store(patch.at(y, x));
  }
  to_points<Matrix>({patch.data, patch.row}, to, stride);
}

// From the 36 points: overwrites `to` with the result plus `start`, or adds the result to it.
template <class Matrix>
[[gnu::noinline]] void from_points(const float* from, std::ptrdiff_t stride, Square<float> to,
                                   const float* start, bool accumulate) {
  transform<Matrix>(
      [&](int y, int x, int c)
          MEDLEY_INLINE_LAMBDA { return PartVec::load(from + (y * 6 + x) * stride + c); },
      [&](int y, int x, int c, const PartVec& v) MEDLEY_INLINE_LAMBDA {
        float* at = to.at(y, x) + c;
        const PartVec first = accumulate ? PartVec::load(at)
                              : start    ? PartVec::load(start + c)
                                         : PartVec::zero();
        (v + first).store(at);
      });
}

// The same where only `rows` by `columns` pixels of the result may be written.
template <class Matrix>
void from_points_clipped(const float* from, std::ptrdiff_t stride, Square<float> to, int rows,
                         int columns, const float* start, bool accumulate) {
  constexpr int m = Matrix::to;
  if (rows >= m && columns >= m) return from_points<Matrix>(from, stride, to, start, accumulate);
  alignas(64) float pixels[m * m * lanes];
  const Square<float> patch{pixels, m * lanes};
  from_points<Matrix>(from, stride, patch, start, false);
  for (int y = 0; y < std::min(rows, m); ++y) {
    for (int x = 0; x < std::min(columns, m); ++x) {
      const Vec v = Vec::load(patch.at(y, x));
      (accumulate ? v + Vec::load(to.at(y, x)) : v).store(to.at(y, x));
    }
  }
}

// --- the product ---------------------------------------------------------------------------------

// c(row, vector) = Σ_k a(row, k) · b(k, vector), or that added to what c holds.
//
// k runs through blocks of `per_block`; a's next block is `a_block` floats on, its next k within
// one `a_step`. The vectors of b's row lie side by side.
struct Product {
  int depth, per_block;
  std::ptrdiff_t a_step, a_block;
  std::ptrdiff_t b_step;
  std::ptrdiff_t c_row, c_vector;
  bool accumulate;
};

// Rows of a register tile of so many vectors; zero: no such tile.
constexpr int tile_height(int vectors) {
  if (Vec::registers >= 32) {
    // 24 sums, the vectors of b, a broadcast: at most 0.58 loads a multiply-add.
    return std::array{0, 12, 12, 8, 6}[vectors];
  }
  // One vector of b beside 6 of 8 for the sums (AVX2, NEON); without vector registers, a sum.
  return vectors == 1 ? std::max(1, Vec::registers - 2) : 0;
}

// V vectors by R rows; the rows of a lie A floats apart.
template <int V, int R, int A>
[[gnu::noinline]] void product_tile(const Product& g, const float* a, const float* b, float* c) {
  Vec sum[R][V];
  unroll<R>([&](auto r) MEDLEY_INLINE_LAMBDA {
    unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA { sum[r][v] = Vec::zero(); });
  });
  const std::ptrdiff_t a_step = g.a_step, b_step = g.b_step;
  for (int left = g.depth; left > 0; left -= g.per_block, a += g.a_block) {
    const float* x = a;
    for (int k = std::min(left, g.per_block); k > 0; --k, x += a_step, b += b_step) {
      Vec w[V];
      unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA { w[v] = Vec::load(b + v * lanes); });
      unroll<R>([&](auto r) MEDLEY_INLINE_LAMBDA {
        const Vec value = Vec::broadcast(x[r * A]);
        unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA { sum[r][v] = fma(value, w[v], sum[r][v]); });
      });
    }
  }
  unroll<R>([&](auto r) MEDLEY_INLINE_LAMBDA {
    unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
      float* at = c + r * g.c_row + v * g.c_vector;
      (g.accumulate ? Vec::load(at) + sum[r][v] : sum[r][v]).store(at);
    });
  });
}

// All rows: full register tiles, then smaller ones.
template <int V, int A, int R = tile_height(V)>
void product_rows(const Product& g, int rows, const float* a, const float* b, float* c) {
  for (; rows >= R; rows -= R, a += R * A, c += R * g.c_row) product_tile<V, R, A>(g, a, b, c);
  constexpr int next = R > 8 ? 8 : R > 4 ? 4 : R / 2;
  if constexpr (next > 0) {
    if (rows > 0) product_rows<V, A, next>(g, rows, a, b, c);
  }
}

// A group of at most four vectors by all rows.
template <int A>
void product(const Product& g, int vectors, int rows, const float* a, const float* b, float* c) {
  if constexpr (tile_height(2) > 0) {
    if (vectors == 4) return product_rows<4, A>(g, rows, a, b, c);
    if (vectors == 3) return product_rows<3, A>(g, rows, a, b, c);
    if (vectors == 2) return product_rows<2, A>(g, rows, a, b, c);
  }
  for (int v = 0; v < vectors; ++v) {
    product_rows<1, A>(g, rows, a, b + v * lanes, c + v * g.c_vector);
  }
}

// --- groups, blocks and tiles --------------------------------------------------------------------

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
MEDLEY_INLINE TilePlace tile_place(const Winograd& w, int tile) {
  const int in_sample = tile % w.tiles();
  return {tile / w.tiles(), in_sample / w.tile_columns() * 4, in_sample % w.tile_columns() * 4};
}
MEDLEY_INLINE std::ptrdiff_t tile_offset(const Planes& planes, const TilePlace& t, int block) {
  return static_cast<std::ptrdiff_t>(t.sample) * planes.sample + block * planes.block +
         t.y * planes.row + t.x * lanes;
}

// Tiles that go through the transforms and the products together: enough to use the weights often
// and to fill register tiles (multiples of 12, 8 and 6), few enough for the second-level cache.
constexpr int correlate_block(const Winograd& w, int samples) {
  return std::min(48, w.tiles() * samples);
}
// Tiles in a chain of a weight's gradient.
constexpr int gradient_block(const Winograd& w, int samples) {
  return std::min(64, w.tiles() * samples);
}
// Blocks of input channels whose sums stay near while tiles stream by: 1.2 MB at most, or 0.3 MB
// where all tiles are one block, as the transformed outputs then serve all slices.
constexpr int gradient_slice(const Winograd& w, int samples) {
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
inline void winograd_transform_weights(const float* taps, int tap_row, int inputs, int outputs,
                                       int input, int output_block, float* weights) {
  using namespace detail::winograd;
  const Groups groups{block_count(outputs)};
  const int group = groups.group_of(output_block), first = groups.first(group);
  const int place = first * inputs + input * groups.size(group) + output_block - first;
  to_points<FromWeights>({taps, tap_row}, weights + static_cast<std::ptrdiff_t>(place) * lanes,
                         static_cast<std::ptrdiff_t>(inputs) * groups.blocks * lanes);
}

constexpr std::ptrdiff_t winograd_scratch_floats(const Winograd& w, int samples) {
  using namespace detail::winograd;
  const int tiles = correlate_block(w, samples);
  return points * (point_stride(block_count(w.in.channels), tiles) +
                   point_stride(Groups{block_count(w.out.channels)}.most(), tiles));
}

// `samples` samples, of at most `most_samples`. `bias` (one float a padded output channel) may be
// null. With `accumulate` the result is added to what `out` holds.
inline void winograd_correlate(const Winograd& w, int most_samples, int samples, const float* in,
                               const float* weights, const float* bias, float* out, bool accumulate,
                               float* scratch) {
  using namespace detail::winograd;
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
      for (int t = 0; t < count; ++t) {
        const TilePlace at = tile_place(w, first + t);
        to_points_clipped<FromInput>({in + tile_offset(w.in, at, b), w.in.row}, w.height + 2 - at.y,
                                     w.width + 2 - at.x, transformed + (b * block + t) * lanes,
                                     in_point);
      }
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
          from_points_clipped<ToOutput>(products + (v * block + t) * lanes, out_point,
                                        {out + tile_offset(w.out, at, b), w.out.row},
                                        w.height - at.y, w.width - at.x,
                                        bias ? bias + b * lanes : nullptr, accumulate);
        }
      }
    }
  }
}

constexpr std::ptrdiff_t winograd_gradient_scratch_floats(const Winograd& w, int samples) {
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
inline void winograd_weight_gradient(const Winograd& w, int most_samples, int samples,
                                     const float* in, const float* gradient,
                                     const TapStrides& strides, float* weights, bool accumulate,
                                     float* scratch) {
  using namespace detail::winograd;
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
        for (int t = 0; t < count; ++t) {
          const TilePlace at = tile_place(w, first + t);
          to_points_clipped<FromInput>({in + tile_offset(w.in, at, b), w.in.row},
                                       w.height + 2 - at.y, w.width + 2 - at.x,
                                       inputs + ((b - from) * block + t) * lanes, in_point);
        }
      }
      for (int b = 0; b < out_blocks && !transformed; ++b) {
        for (int t = 0; t < count; ++t) {
          const TilePlace at = tile_place(w, first + t);
          to_points_clipped<FromGradient>({gradient + tile_offset(w.out, at, b), w.out.row},
                                          w.height - at.y, w.width - at.x,
                                          outputs + t * width + b * lanes, out_point);
        }
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
          from_points<ToWeights>(
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
