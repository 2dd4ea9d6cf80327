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

// to = value or to += value: how a gradient with several readers is collected.
MEDLEY_INLINE void put(float* to, const Vec& value, bool accumulate) {
  (accumulate ? Vec::load(to) + value : value).store(to);
}

}  // namespace medley::kernels
