// The matrix product of Winograd's minimal filtering, one a point: see winograd.hpp.
#pragma once

#include <array>
#include <cstddef>

#include "medley/base/tensor.hpp"
#include "medley/base/vec.hpp"

namespace medley::kernels::detail::winograd {

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

}  // namespace medley::kernels::detail::winograd
