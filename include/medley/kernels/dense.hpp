// Products of a few rows with a matrix, for dense layers:
//   forward     y(n, o) = b(o) + Σ_k x(n, k) w(k, o)      rows are samples, vectors across outputs
//   data        gx(n, k) = Σ_o gy(n, o) w(k, o)           rows are samples, vectors across inputs
//   weights     gw(k, o) = Σ_n x(n, k) gy(n, o)           rows are inputs, vectors across outputs
// Each element is one chain, over k, o or n in rising order, whatever the tiles: long ones are cut
// into pieces whose matrix stays in the nearest cache for all rows, and sums wait in memory.
#pragma once

#include <algorithm>

#include "medley/base/tensor.hpp"

namespace medley::kernels {

// Rows in a tile, and the most vectors by so many rows. With 8 registers (AVX2, NEON) 6 rows by one
// vector leave one for the matrix and one for x: more chains than wait for each other.
inline constexpr int tile_rows = Vec::registers >= 32 ? 8 : 6;
constexpr int tile_vectors(int rows) { return std::clamp(Vec::registers / 2 / rows, 1, 4); }

// Vectors that read the matrix side by side, and the length of a piece: 16 KiB of the matrix.
constexpr int vector_group(int vectors) { return vectors % 4 == 0 ? 4 : vectors % 2 == 0 ? 2 : 1; }
constexpr int piece_length(int group) { return 256 / group; }

// Calls f(first row, number of rows) for tiles of tile_rows, then for what is left of 4, 2 and 1.
template <class F>
MEDLEY_INLINE void for_each_tile(int rows, F&& f) {
  int n = 0;
  const auto tiles = [&]<int Count>(std::integral_constant<int, Count> count) MEDLEY_INLINE_LAMBDA {
    for (; n + Count <= rows; n += Count) f(n, count);
  };
  tiles(std::integral_constant<int, tile_rows>{});
  tiles(std::integral_constant<int, 4>{});
  tiles(std::integral_constant<int, 2>{});
  tiles(std::integral_constant<int, 1>{});
}

// sum[v][p] += Σ_{k < length} x[p * x_row + k] * w[v * w_vector + k * 16]. With `Ahead` it asks for
// the matrix behind these too.
template <bool Ahead = false, int V, int P>
MEDLEY_INLINE void multiply(const float* x, std::ptrdiff_t x_row, const float* w,
                            std::ptrdiff_t w_vector, int length, Vec (&sum)[V][P]) {
  for (int k = 0; k < length; ++k) {
    Vec weight[V];
    unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
      const float* at = w + v * w_vector + k * lanes;
      weight[v] = Vec::load(at);
      if constexpr (Ahead) __builtin_prefetch(at + length * lanes);
    });
    unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA {
      const Vec value = Vec::broadcast(x[p * x_row + k]);
      unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA { sum[v][p] = fma(value, weight[v], sum[v][p]); });
    });
  }
}

// The same of all vectors by `rows` rows, in tiles. The sum of vector v and row p begins with
// start(v, y(v, p)) and ends at y(v, p).
template <int Vectors, class Start, class Y>
MEDLEY_INLINE void multiply_piece(int rows, const float* x, std::ptrdiff_t x_row, const float* w,
                                  std::ptrdiff_t w_vector, int length, Start&& start, Y&& y) {
  for_each_tile(rows, [&]<int P>(int n, std::integral_constant<int, P>) MEDLEY_INLINE_LAMBDA {
    constexpr int V = std::min(Vectors, tile_vectors(P));
    static_assert(Vectors % V == 0);
    for (int from = 0; from < Vectors; from += V) {
      Vec sum[V][P];
      unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
        unroll<P>([&](auto p)
                      MEDLEY_INLINE_LAMBDA { sum[v][p] = start(from + v, y(from + v, n + p)); });
      });
      if (n == 0) {
        multiply<true>(x, x_row, w + from * w_vector, w_vector, length, sum);
      } else {
        multiply(x + n * x_row, x_row, w + from * w_vector, w_vector, length, sum);
      }
      unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
        unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA { sum[v][p].store(y(from + v, n + p)); });
      });
    }
  });
}

// What a shard leaves of a gradient of weights, which is the product of both: inputs [row][sample],
// the samples of a row `most_samples` apart, and output gradients [sample][16] of one block.
struct Factors {
  const float* inputs;
  const float* outputs;
  int samples;
};

// gradient[row][16] (+)= Σ_shard Σ_sample inputs[row][sample] * outputs[sample][16].
[[gnu::noinline]] inline void multiply_factors(int rows, int most_samples, const Factors* shards,
                                               int count, float* gradient, bool accumulate) {
  for_each_tile(rows, [&]<int P>(int row, std::integral_constant<int, P>) MEDLEY_INLINE_LAMBDA {
    float* to = gradient + row * lanes;
    Vec sum[1][P];
    unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA {
      sum[0][p] = accumulate ? Vec::load(to + p * lanes) : Vec::zero();
    });
    for (int s = 0; s < count; ++s) {
      multiply(shards[s].inputs + row * most_samples, most_samples, shards[s].outputs, 0,
               shards[s].samples, sum);
    }
    unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA { sum[0][p].store(to + p * lanes); });
  });
}

}  // namespace medley::kernels
