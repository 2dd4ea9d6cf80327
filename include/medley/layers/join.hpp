// Layers with several inputs: Add for Residual, Join for Concat.
#pragma once

#include <type_traits>

#include "medley/kernels/elementwise.hpp"
#include "medley/layers/layer.hpp"

namespace medley {

// y = x0 + x1.
struct Add : LayerDefaults {
  static constexpr std::string_view type = "add";
  static constexpr bool in_place = true;  // y over x0
  static constexpr auto applies_activation = AppliesActivation::output_kept;

  static constexpr std::string_view refuses(Shape a, Shape b) {
    return a == b ? "" : "main path and shortcut must give the same shape";
  }
  static constexpr Shape output(Shape a, Shape) { return a; }
  static constexpr double flops(Shape a, Shape) { return a.elements(); }

  template <class Io>
  static void forward(const Io& io) {
    const auto a = io.template x<0>();
    const auto b = io.template x<1>();
    const auto y = io.y();
    using Y = typename Io::Y;
    for_each_pixel<Y>(io.samples, [&](int n, int k, int r, int c) MEDLEY_INLINE_LAMBDA {
      const Vec sum = Vec::load(a.at(n, k, r, c)) + Vec::load(b.at(n, k, r, c));
      Io::Then::value(sum).store(y.at(n, k, r, c));
    });
  }

  // The gradient of x0 may be gy itself, and is written last.
  template <class Io>
  static void backward(const Io& io) {
    const auto gy = io.gy();
    const auto gx0 = io.template gx<0>();
    const auto gx1 = io.template gx<1>();
    constexpr bool wants0 = Io::template wants<0>, wants1 = Io::template wants<1>;
    constexpr bool changes = !std::is_same_v<typename Io::Then, Linear>;
    const bool same = gx0.data == gy.data;
    bool accumulate0 = false, accumulate1 = false;
    if constexpr (wants1) accumulate1 = io.template claim_x<1>();
    if constexpr (wants0) accumulate0 = !same && io.template claim_x<0>();
    for_each_pixel<typename Io::GY>(io.samples, [&](int n, int b, int r,
                                                    int c) MEDLEY_INLINE_LAMBDA {
      const Vec g = Io::Then::slope(Vec::load(io.y().at(n, b, r, c)), Vec::load(gy.at(n, b, r, c)));
      if constexpr (wants1) kernels::put(gx1.at(n, b, r, c), g, accumulate1);
      if constexpr (wants0) {
        if (changes || !same) kernels::put(gx0.at(n, b, r, c), g, accumulate0);
      }
    });
  }
};

// All inputs, one after the other along the channels.
struct Join : LayerDefaults {
  static constexpr std::string_view type = "concat";

  template <class... Shapes>
  static constexpr std::string_view refuses(Shape first, Shapes... rest) {
    const bool same = ((rest.h == first.h && rest.w == first.w) && ...);
    return same ? "" : "all branches must give pictures of the same height and width";
  }
  template <class... Shapes>
  static constexpr Shape output(Shape first, Shapes... rest) {
    return {(first.c + ... + rest.c), first.h, first.w};
  }
  template <class... Shapes>
  static constexpr double flops(Shape, Shapes...) {
    return 0;
  }

  template <class Io>
  static void forward(const Io& io) {
    zero_last_lanes<typename Io::Y>(io.samples, io.y());
    each_input(io, [&]<int K>(std::integral_constant<int, K>, auto first) {
      copy<decltype(first)::value, false>(io.samples, io.template x<K>(), io.y(), false);
    });
  }

  template <class Io>
  static void backward(const Io& io) {
    each_input(io, [&]<int K>(std::integral_constant<int, K>, auto first) {
      if constexpr (Io::template wants<K>) {
        copy<decltype(first)::value, true>(io.samples, io.template gx<K>(), io.gy(),
                                           io.template claim_x<K>());
      }
    });
  }

 private:
  // Calls f(index of input, its first channel in the output).
  template <class Io, class F>
  static void each_input(const Io&, F&& f) {
    unroll<Io::input_count>([&](auto k) {
      constexpr int first = [] {
        int sum = 0;
        for (int i = 0; i < decltype(k)::value; ++i) sum += Io::input_shapes[i].c;
        return sum;
      }();
      f(std::integral_constant<int, decltype(k)::value>{}, std::integral_constant<int, first>{});
    });
  }

  // Copies all channels of `part` into `whole` from channel First on, or back from there (Reverse).
  template <int First, bool Reverse, class Part, class Whole>
  static void copy(int samples, Part part, Whole whole, bool accumulate) {
    if constexpr (First % lanes == 0 && (Part::shape.c % lanes == 0 || Reverse == false)) {
      // Whole blocks; a last partial block also carries its padding lanes, which a later input of
      // the concatenation overwrites.
      for_each_pixel<Part>(samples, [&](int n, int b, int y, int x) MEDLEY_INLINE_LAMBDA {
        float* outside = whole.at(n, First / lanes + b, y, x);
        float* inside = part.at(n, b, y, x);
        if constexpr (Reverse) {
          kernels::put(inside, Vec::load(outside), accumulate);
        } else {
          Vec::load(inside).store(outside);
        }
      });
    } else {
      for_each_pixel<Part>(samples, [&](int n, int b, int y, int x) {
        float* inside = part.at(n, b, y, x);
        for (int lane = 0; lane < lanes; ++lane) {
          const int channel = b * lanes + lane;
          if (channel >= Part::shape.c) {
            if (Reverse && !accumulate) inside[lane] = 0.0f;
            continue;
          }
          const int target = First + channel;
          float* outside = whole.at(n, target / lanes, y, x) + target % lanes;
          if constexpr (Reverse) {
            inside[lane] = accumulate ? inside[lane] + *outside : *outside;
          } else {
            *outside = inside[lane];
          }
        }
      });
    }
  }

  // The padding lanes of the last block must be finite whatever the memory held before.
  template <class Y>
  static void zero_last_lanes(int samples, Y y) {
    if constexpr (Y::shape.c % lanes != 0) {
      for (int n = 0; n < samples; ++n) {
        for (int r = 0; r < Y::shape.h; ++r) {
          for (int c = 0; c < Y::shape.w; ++c) {
            Vec::zero().store(y.at(n, Y::blocks - 1, r, c));
          }
        }
      }
    }
  }
};

}  // namespace medley
