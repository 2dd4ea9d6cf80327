// Pooling: the maximum or the mean of windows, or of the whole picture.
#pragma once

#include <algorithm>
#include <limits>
#include <string_view>

#include "medley/kernels/elementwise.hpp"
#include "medley/layers/layer.hpp"

namespace medley {

namespace detail {

// Windows of Kernel x Kernel pixels; those that padding adds do not exist.
template <int Kernel, int Stride, int Padding>
struct Windows : LayerDefaults {
  static constexpr std::string_view refuses(Shape x) {
    if (Kernel < 1 || Stride < 1) return "kernel and stride must be positive";
    if (Padding < 0 || 2 * Padding > Kernel) return "the padding is at most half the kernel";
    if (std::min(x.h, x.w) + 2 * Padding < Kernel)
      return "the window is larger than the picture with its padding";
    return {};
  }
  static constexpr Shape output(Shape x) {
    return {x.c, (x.h + 2 * Padding - Kernel) / Stride + 1,
            (x.w + 2 * Padding - Kernel) / Stride + 1};
  }
  static constexpr double flops(Shape x) {
    return static_cast<double>(output(x).elements()) * Kernel * Kernel;
  }
  template <class F>
  static void options(F&& f) {
    f("kernel", Kernel);
    f("stride", Stride);
    f("padding", Padding);
  }

 protected:
  // No pixel belongs to two windows, and every pixel to one.
  static constexpr bool tiles(Shape x) {
    return Stride == Kernel && Padding == 0 && x.h % Kernel == 0 && x.w % Kernel == 0;
  }

  // Calls f(y, x) for the pixels of the window of output pixel (oy, ox), row by row.
  template <Shape X, class F>
  MEDLEY_INLINE static void for_each_tap(int oy, int ox, F&& f) {
    for (int ky = 0; ky < Kernel; ++ky) {
      const int y = oy * Stride - Padding + ky;
      if (Padding > 0 && (y < 0 || y >= X.h)) continue;
      for (int kx = 0; kx < Kernel; ++kx) {
        const int x = ox * Stride - Padding + kx;
        if (Padding > 0 && (x < 0 || x >= X.w)) continue;
        f(y, x);
      }
    }
  }
};

template <class T>
void zero_interior(int samples, T t) {
  for_each_pixel<T>(samples, [&](int n, int b, int y, int x)
                                 MEDLEY_INLINE_LAMBDA { Vec::zero().store(t.at(n, b, y, x)); });
}

}  // namespace detail

// Maximum of a window; its gradient goes to the first pixel that holds it. torch.nn.MaxPool2d.
// A Relu in front is taken of the maximum instead: it lets the same values and gradients through.
template <int Kernel, int Stride = Kernel, int Padding = 0>
struct MaxPool : detail::Windows<Kernel, Stride, Padding> {
  using Base = detail::Windows<Kernel, Stride, Padding>;
  static constexpr std::string_view type = "max_pool";
  static constexpr bool reads_input = true, reads_output = true;
  static constexpr bool takes_relu = true;
  static constexpr bool halves(Shape x) { return Kernel == 2 && Base::tiles(x); }

  template <class Io>
  static void forward(const Io& io) {
    const auto x = io.x();
    const auto y = io.y();
    for_each_pixel<typename Io::Y>(
        io.samples, [&](int n, int b, int oy, int ox) MEDLEY_INLINE_LAMBDA {
          store_padded(Io::First::value(window_maximum<Io::X::shape>(x, n, b, oy, ox)),
                       y.at(n, b, oy, ox));
        });
  }

  template <class Io>
  static void backward(const Io& io) {
    if constexpr (Io::wants_x) {
      using V = typename Io::GX::Pixel;
      constexpr Shape in = Io::X::shape;
      constexpr bool tiles = Base::tiles(in);
      const auto x = io.x();
      const auto y = io.y();
      const auto gx = io.gx();
      const auto gy = io.gy();
      const bool accumulate = io.claim_x();
      if (!tiles && !accumulate) detail::zero_interior(io.samples, gx);
      for_each_pixel<typename Io::Y>(io.samples, [&](int n, int b, int oy,
                                                     int ox) MEDLEY_INLINE_LAMBDA {
        const V maximum = V::load(y.at(n, b, oy, ox));
        // What no pixel has taken yet; nothing where the Relu made a zero of the maximum.
        V rest = Io::First::slope(maximum, V::load(gy.at(n, b, oy, ox)));
        Base::template for_each_tap<in>(oy, ox, [&](int iy, int ix) MEDLEY_INLINE_LAMBDA {
          const auto here = V::load(x.at(n, b, iy, ix)) == maximum;
          kernels::put(gx.at(n, b, iy, ix), select(here, rest, V::zero()), !tiles || accumulate);
          rest = select(here, V::zero(), rest);
        });
      });
    }
  }

 private:
  // NaN where one of the window is, which the sum of all tells without a look at each.
  template <Shape In, class X>
  MEDLEY_INLINE static auto window_maximum(const X& x, int n, int b, int oy, int ox) {
    using V = typename X::Pixel;
    V maximum = V::broadcast(-std::numeric_limits<float>::infinity()), sum = V::zero();
    Base::template for_each_tap<In>(oy, ox, [&](int iy, int ix) MEDLEY_INLINE_LAMBDA {
      const V here = V::load(x.at(n, b, iy, ix));
      maximum = max(here, maximum);
      sum = sum + here;
    });
    return all(sum == sum) ? maximum : maximum_with_nan<In>(x, n, b, oy, ox);
  }
  template <Shape In, class X>
  [[gnu::noinline]] static auto maximum_with_nan(const X& x, int n, int b, int oy, int ox) {
    using V = typename X::Pixel;
    V maximum = V::broadcast(-std::numeric_limits<float>::infinity());
    Base::template for_each_tap<In>(oy, ox, [&](int iy, int ix) MEDLEY_INLINE_LAMBDA {
      maximum = max_or_nan(V::load(x.at(n, b, iy, ix)), maximum);
    });
    return maximum;
  }
};

// Mean of a window, counting padding as zeros. torch.nn.AvgPool2d.
template <int Kernel, int Stride = Kernel, int Padding = 0>
struct AveragePool : detail::Windows<Kernel, Stride, Padding> {
  using Base = detail::Windows<Kernel, Stride, Padding>;
  static constexpr std::string_view type = "average_pool";
  static constexpr float scale = 1.0f / (Kernel * Kernel);

  template <class Io>
  static void forward(const Io& io) {
    using V = typename Io::X::Pixel;
    const auto x = io.x();
    const auto y = io.y();
    for_each_pixel<typename Io::Y>(io.samples, [&](int n, int b, int oy,
                                                   int ox) MEDLEY_INLINE_LAMBDA {
      V sum = V::zero();
      Base::template for_each_tap<Io::X::shape>(oy, ox, [&](int iy, int ix) MEDLEY_INLINE_LAMBDA {
        sum = sum + V::load(x.at(n, b, iy, ix));
      });
      store_padded(sum * V::broadcast(scale), y.at(n, b, oy, ox));
    });
  }

  template <class Io>
  static void backward(const Io& io) {
    if constexpr (Io::wants_x) {
      using V = typename Io::GX::Pixel;
      constexpr bool tiles = Base::tiles(Io::X::shape);
      const auto gx = io.gx();
      const auto gy = io.gy();
      const bool accumulate = io.claim_x();
      if (!tiles && !accumulate) detail::zero_interior(io.samples, gx);
      for_each_pixel<typename Io::Y>(io.samples, [&](int n, int b, int oy,
                                                     int ox) MEDLEY_INLINE_LAMBDA {
        const V share = V::load(gy.at(n, b, oy, ox)) * V::broadcast(scale);
        Base::template for_each_tap<Io::X::shape>(oy, ox, [&](int iy, int ix) MEDLEY_INLINE_LAMBDA {
          kernels::put(gx.at(n, b, iy, ix), share, !tiles || accumulate);
        });
      });
    }
  }
};

// Mean of each channel over the whole picture. torch.nn.AdaptiveAvgPool2d(1).
struct GlobalAveragePool : LayerDefaults {
  static constexpr std::string_view type = "global_average_pool";
  static constexpr Shape output(Shape x) { return {x.c, 1, 1}; }
  static constexpr double flops(Shape x) { return x.elements(); }

  template <class Io>
  static void forward(const Io& io) {
    using X = typename Io::X;
    const auto x = io.x();
    const auto y = io.y();
    const Vec scale = Vec::broadcast(1.0f / X::shape.pixels());
    for (int n = 0; n < io.samples; ++n) {
      for (int b = 0; b < X::blocks; ++b) {
        Vec sum = Vec::zero();
        for (int r = 0; r < X::shape.h; ++r) {
          for (int c = 0; c < X::shape.w; ++c) sum = sum + Vec::load(x.at(n, b, r, c));
        }
        (sum * scale).store(y.at(n, b, 0, 0));
      }
    }
  }

  template <class Io>
  static void backward(const Io& io) {
    if constexpr (Io::wants_x) {
      const auto gx = io.gx();
      const auto gy = io.gy();
      const bool accumulate = io.claim_x();
      const Vec scale = Vec::broadcast(1.0f / Io::X::shape.pixels());
      for_each_pixel<typename Io::GX>(
          io.samples, [&](int n, int b, int r, int c) MEDLEY_INLINE_LAMBDA {
            kernels::put(gx.at(n, b, r, c), Vec::load(gy.at(n, b, 0, 0)) * scale, accumulate);
          });
    }
  }
};

}  // namespace medley
