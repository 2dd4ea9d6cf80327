// Upsampling by a whole factor: nearest pixel, or bilinear between pixel centres.
#pragma once

#include "medley/kernels/elementwise.hpp"
#include "medley/layers/layer.hpp"
#include "medley/layers/pool.hpp"

namespace medley {

namespace detail {

template <int Factor>
struct Upsampling : LayerDefaults {
  static constexpr std::string_view refuses(Shape) {
    return Factor < 2 ? "the factor is a whole number from 2" : "";
  }
  static constexpr Shape output(Shape x) { return {x.c, x.h * Factor, x.w * Factor}; }
  static constexpr double flops(Shape x) { return output(x).elements(); }
  template <class F>
  static void options(F&& f) {
    f("factor", Factor);
  }
};

}  // namespace detail

// y(r, c) = x(r / F, c / F). torch.nn.Upsample(scale_factor=F, mode='nearest').
template <int Factor>
struct UpsampleNearest : detail::Upsampling<Factor> {
  static constexpr std::string_view type = "upsample_nearest";

  template <class Io>
  static void forward(const Io& io) {
    const auto x = io.x();
    const auto y = io.y();
    for_each_pixel<typename Io::Y>(
        io.samples, [&](int n, int b, int r, int c) MEDLEY_INLINE_LAMBDA {
          Vec::load(x.at(n, b, r / Factor, c / Factor)).store(y.at(n, b, r, c));
        });
  }

  template <class Io>
  static void backward(const Io& io) {
    if constexpr (Io::wants_x) {
      const auto gx = io.gx();
      const auto gy = io.gy();
      const bool accumulate = io.claim_x();
      for_each_pixel<typename Io::GX>(
          io.samples, [&](int n, int b, int r, int c) MEDLEY_INLINE_LAMBDA {
            Vec sum = Vec::zero();
            for (int i = 0; i < Factor * Factor; ++i) {
              sum = sum + Vec::load(gy.at(n, b, r * Factor + i / Factor, c * Factor + i % Factor));
            }
            kernels::put(gx.at(n, b, r, c), sum, accumulate);
          });
    }
  }
};

// Linear between the two nearest pixel centres along each axis, the border repeated.
// torch.nn.Upsample(scale_factor=F, mode='bilinear', align_corners=False).
template <int Factor>
struct UpsampleBilinear : detail::Upsampling<Factor> {
  static constexpr std::string_view type = "upsample_bilinear";

  template <class Io>
  static void forward(const Io& io) {
    constexpr Shape in = Io::X::shape;
    const auto x = io.x();
    const auto y = io.y();
    for_each_pixel<typename Io::Y>(io.samples, [&](int n, int b, int r,
                                                   int c) MEDLEY_INLINE_LAMBDA {
      const Between v = between(r, in.h), h = between(c, in.w);
      const Vec top =
          mix(Vec::load(x.at(n, b, v.low, h.low)), Vec::load(x.at(n, b, v.low, h.high)), h.share);
      const Vec bottom =
          mix(Vec::load(x.at(n, b, v.high, h.low)), Vec::load(x.at(n, b, v.high, h.high)), h.share);
      mix(top, bottom, v.share).store(y.at(n, b, r, c));
    });
  }

  template <class Io>
  static void backward(const Io& io) {
    if constexpr (Io::wants_x) {
      constexpr Shape in = Io::X::shape;
      const auto gx = io.gx();
      const auto gy = io.gy();
      if (!io.claim_x()) detail::zero_interior(io.samples, gx);
      for_each_pixel<typename Io::GY>(
          io.samples, [&](int n, int b, int r, int c) MEDLEY_INLINE_LAMBDA {
            const Between v = between(r, in.h), h = between(c, in.w);
            const Vec g = Vec::load(gy.at(n, b, r, c));
            const auto add = [&](int row, int column, float share) MEDLEY_INLINE_LAMBDA {
              float* at = gx.at(n, b, row, column);
              fma(g, Vec::broadcast(share), Vec::load(at)).store(at);
            };
            add(v.low, h.low, (1.0f - v.share) * (1.0f - h.share));
            add(v.low, h.high, (1.0f - v.share) * h.share);
            add(v.high, h.low, v.share * (1.0f - h.share));
            add(v.high, h.high, v.share * h.share);
          });
    }
  }

 private:
  // The two source pixels of an output pixel along one axis, and the second one's share.
  struct Between {
    int low, high;
    float share;
  };
  MEDLEY_INLINE static Between between(int place, int size) {
    // Source coordinate (place + 1/2) / F - 1/2, in units of 1 / (2F) so that integers are exact.
    const int twice = std::max(0, 2 * place + 1 - Factor);
    const int low = twice / (2 * Factor);
    return {low, std::min(low + 1, size - 1),
            static_cast<float>(twice % (2 * Factor)) / (2.0f * Factor)};
  }
  MEDLEY_INLINE static Vec mix(const Vec& a, const Vec& b, float share) {
    return fma(b, Vec::broadcast(share), a * Vec::broadcast(1.0f - share));
  }
};

}  // namespace medley
