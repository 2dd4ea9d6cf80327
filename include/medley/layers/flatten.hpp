// Flatten: channels, rows and columns as one vector for the dense layer behind it. It moves
// nothing: a dense layer reads its input in any shape, in the order of the frameworks.
// torch.nn.Flatten.
#pragma once

#include "medley/kernels/elementwise.hpp"
#include "medley/layers/layer.hpp"

namespace medley {

struct Flatten : LayerDefaults {
  static constexpr std::string_view type = "flatten";
  static constexpr bool in_place = true, keeps_values = true;
  static constexpr bool keeps_layout = true;
  static constexpr bool takes_planar(Shape) { return true; }

  template <class Io>
  static void forward(const Io& io) {
    const auto x = io.x();
    const auto y = io.y();
    if (x.data == y.data) return;
    copy(io.samples, x, y, false);
  }
  template <class Io>
  static void backward(const Io& io) {
    if constexpr (Io::wants_x) {
      if (io.gx().data != io.gy().data) copy(io.samples, io.gy(), io.gx(), io.claim_x());
    }
  }

 private:
  // Where the input has other readers, it keeps its own memory.
  template <class From, class To>
  static void copy(int samples, From from, To to, bool accumulate) {
    constexpr int row = From::shape.w * From::pixel;
    for (int n = 0; n < samples; ++n) {
      for (int b = 0; b < From::blocks; ++b) {
        for (int y = 0; y < From::shape.h; ++y) {
          const float* source = from.at(n, b, y, 0);
          float* target = to.at(n, b, y, 0);
          for (int i = 0; i < row; ++i) {
            target[i] = accumulate ? target[i] + source[i] : source[i];
          }
        }
      }
    }
  }
};

}  // namespace medley
