// Dropout (Srivastava et al. 2014), inverted: in training each element is zero with probability
// Percent / 100, else divided by 1 - Percent / 100; in evaluation nothing happens.
// torch.nn.Dropout.
//
// The mask is a function of seed, epoch, record and element; backward draws it again.
#pragma once

#include "medley/kernels/elementwise.hpp"
#include "medley/layers/layer.hpp"

namespace medley {

template <int Percent>
struct Dropout : LayerDefaults {
  static constexpr std::string_view type = "dropout";
  static constexpr bool in_place = true;
  static constexpr std::string_view refuses(Shape) {
    return Percent < 0 || Percent > 99 ? "the percentage is from 0 to 99" : "";
  }
  static constexpr double flops(Shape x) { return x.elements(); }
  template <class F>
  static void options(F&& f) {
    f("probability", Percent / 100.0);
  }

  template <class Io>
  static void forward(const Io& io) {
    const auto x = io.x();
    const auto y = io.y();
    if (io.training) {
      apply(io, x, y, false);
    } else if (x.data != y.data) {
      kernels::transform(io.samples, x, y, [](const Vec& v) MEDLEY_INLINE_LAMBDA { return v; });
    }
  }

  template <class Io>
  static void backward(const Io& io) {
    if constexpr (Io::wants_x) apply(io, io.gy(), io.gx(), io.claim_x());
  }

 private:
  // to (+)= from * mask / (1 - p). 16 bits of chance an element, two draws a vector.
  template <class Io, class From, class To>
  static void apply(const Io& io, From from, To to, bool accumulate) {
    constexpr std::uint32_t threshold = Percent * 65536 / 100;
    constexpr float kept = 100.0f / (100 - Percent);
    for (int n = 0; n < io.samples; ++n) {
      const RandomStream stream = io.noise(n);
      std::uint32_t draw = 0;
      for (int b = 0; b < From::blocks; ++b) {
        for (int y = 0; y < From::shape.h; ++y) {
          for (int x = 0; x < From::shape.w; ++x, draw += 2) {
            float mask[lanes];
            for (int half = 0; half < 2; ++half) {
              const auto bits = stream.draw(draw + half);
              for (int i = 0; i < 8; ++i) {
                const std::uint32_t chance = bits[i / 2] >> (i % 2 * 16) & 0xFFFFu;
                mask[half * 8 + i] = chance < threshold ? 0.0f : kept;
              }
            }
            kernels::put(to.at(n, b, y, x), Vec::load(from.at(n, b, y, x)) * Vec::load(mask),
                         accumulate);
          }
        }
      }
    }
  }
};

}  // namespace medley
