// Loops over whole tensors, one vector (16 channels of a pixel) at a time.
#pragma once

#include "medley/base/tensor.hpp"

namespace medley::kernels {

// y = f(x) for every pixel; x and y may be the same memory or differ in halo.
template <class X, class Y, class F>
MEDLEY_INLINE void transform(int samples, X x, Y y, F&& f) {
  static_assert(X::shape == Y::shape && X::layout == Y::layout);
  constexpr int row = X::shape.w * X::pixel;
  static_assert(row % lanes == 0, "elementwise kernels take blocked tensors");
  for (int n = 0; n < samples; ++n) {
    for (int b = 0; b < X::blocks; ++b) {
      for (int r = 0; r < X::shape.h; ++r) {
        const float* from = x.at(n, b, r, 0);
        float* to = y.at(n, b, r, 0);
        for (int i = 0; i < row; i += lanes) f(Vec::load(from + i)).store(to + i);
      }
    }
  }
}

// f(sum so far, y, x) over the pixels of rows [first, last): a chain for every pixel of a row
// modulo Chains, then those together.
template <class T, class Sum, int Chains = 4, class F>
MEDLEY_INLINE Sum sum_rows(int first, int last, F&& f) {
  static_assert(Chains == 2 || Chains == 4);
  Sum sum[Chains];
  unroll<Chains>([&](auto i) MEDLEY_INLINE_LAMBDA { sum[i] = Sum::zero(); });
  for (int y = first; y < last; ++y) {
    int x = 0;
    for (; x + Chains <= T::shape.w; x += Chains) {
      unroll<Chains>([&](auto i) MEDLEY_INLINE_LAMBDA { sum[i] = f(sum[i], y, x + i); });
    }
    unroll<T::shape.w % Chains>([&](auto i) MEDLEY_INLINE_LAMBDA { sum[i] = f(sum[i], y, x + i); });
  }
  if constexpr (Chains == 2)
    return sum[0] + sum[1];
  else
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// to = value or to += value: how a gradient with several readers is collected.
template <int Lanes>
MEDLEY_INLINE void put(float* to, const BasicVec<Lanes>& value, bool accumulate) {
  store_padded(accumulate ? BasicVec<Lanes>::load(to) + value : value, to);
}

}  // namespace medley::kernels
