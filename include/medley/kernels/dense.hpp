// Products of a few rows (samples) with a matrix, for dense layers:
//   forward     y(n, o) = b(o) + Σ_k x(n, k) w(k, o)      vectors across outputs
//   data        gx(n, k) = Σ_o gy(n, o) w(k, o)           vectors across inputs
//   weights     gw(k, o) = Σ_n x(n, k) gy(n, o)           vectors across outputs
// Each element is one chain, over k, o or n in rising order.
#pragma once

#include "medley/base/tensor.hpp"

namespace medley::kernels {

// Samples in one tile, output vectors in one tile.
inline constexpr int dense_samples = Vec::registers >= 32 ? 8 : 4;
constexpr int dense_vectors(int blocks) { return Vec::registers >= 32 && blocks % 2 == 0 ? 2 : 1; }

// Calls f(first sample, number of samples) for tiles of dense_samples, then halves of it.
template <class F>
MEDLEY_INLINE void for_each_sample_tile(int samples, F&& f) {
  int n = 0;
  for (; n + dense_samples <= samples; n += dense_samples) {
    f(n, std::integral_constant<int, dense_samples>{});
  }
  const auto rest = [&]<int Count>(std::integral_constant<int, Count> count, auto& self) -> void {
    if constexpr (Count > 0) {
      if (n + Count <= samples) {
        f(n, count);
        n += Count;
      }
      self(std::integral_constant<int, Count / 2>{}, self);
    }
  };
  rest(std::integral_constant<int, dense_samples / 2>{}, rest);
}

// sum[v][p] += Σ_{k < length} x[p * x_stride + k] * w[v * w_stride + k * 16].
template <int V, int P>
MEDLEY_INLINE void multiply_run(const float* x, std::ptrdiff_t x_stride, const float* w,
                                std::ptrdiff_t w_stride, int length, Vec (&sum)[V][P]) {
  for (int k = 0; k < length; ++k) {
    Vec weight[V];
    unroll<V>([&](auto v)
                  MEDLEY_INLINE_LAMBDA { weight[v] = Vec::load(w + v * w_stride + k * lanes); });
    unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA {
      const Vec value = Vec::broadcast(x[p * x_stride + k]);
      unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA { sum[v][p] = fma(value, weight[v], sum[v][p]); });
    });
  }
}

// gw[k * 16] (+)= Σ_p x[p * x_stride + k] * g[p] for k < length, where g holds 16 outputs a sample.
template <int P>
MEDLEY_INLINE void multiply_outer(const float* x, std::ptrdiff_t x_stride, const Vec (&g)[P],
                                  int length, float* gw, bool accumulate) {
  for (int k = 0; k < length; ++k) {
    Vec sum = accumulate ? Vec::load(gw + k * lanes) : Vec::zero();
    unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA {
      sum = fma(Vec::broadcast(x[p * x_stride + k]), g[p], sum);
    });
    sum.store(gw + k * lanes);
  }
}

}  // namespace medley::kernels
