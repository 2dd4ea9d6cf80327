// A convolution and what it is compared with: plain loops in double precision.
#pragma once

#include "medley/layers/conv.hpp"
#include "tests/layer_harness.hpp"

namespace medley::testing {

template <int Outputs, int Kernel, int Stride, int Padding, bool Bias>
Array conv_reference(const Array& x, const Weights& w) {
  const int channels = static_cast<int>(x.shape(1));
  const int height = (static_cast<int>(x.shape(2)) + 2 * Padding - Kernel) / Stride + 1;
  const int width = (static_cast<int>(x.shape(3)) + 2 * Padding - Kernel) / Stride + 1;
  Array y = Array::from_shape(
      {x.shape(0), Outputs, static_cast<std::size_t>(height), static_cast<std::size_t>(width)});
  for (int n = 0; n < static_cast<int>(x.shape(0)); ++n) {
    for (int o = 0; o < Outputs; ++o) {
      for (int r = 0; r < height; ++r) {
        for (int c = 0; c < width; ++c) {
          double sum = Bias ? w[1][o] : 0.0;
          for (int i = 0; i < channels; ++i) {
            for (int ky = 0; ky < Kernel; ++ky) {
              for (int kx = 0; kx < Kernel; ++kx) {
                const int sy = r * Stride + ky - Padding, sx = c * Stride + kx - Padding;
                if (sy < 0 || sx < 0 || sy >= static_cast<int>(x.shape(2)) ||
                    sx >= static_cast<int>(x.shape(3))) {
                  continue;
                }
                sum += w[0][((o * channels + i) * Kernel + ky) * Kernel + kx] * x(n, i, sy, sx);
              }
            }
          }
          y(n, o, r, c) = sum;
        }
      }
    }
  }
  return y;
}

template <int O, int K, int S, int P, Shape In, bool Direct = false, bool Bias = true,
          ConvAlgorithm Algorithm = ConvAlgorithm::automatic>
void check_conv() {
  SCOPED_TRACE(::testing::Message() << In.c << "x" << In.h << "x" << In.w << " -> " << O
                                    << ", kernel " << K << " stride " << S << " padding " << P);
  LayerHarness<BasicConv<O, K, S, P, Bias, Algorithm>, In, Direct> harness;
  harness.check(conv_reference<O, K, S, P, Bias>);
}

}  // namespace medley::testing
