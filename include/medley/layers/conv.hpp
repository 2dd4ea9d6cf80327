// Convolution: y(o) = b(o) + Σ_c Σ_ky Σ_kx w(o, c, ky, kx) · x(c, y·stride + ky - padding, ...).
// torch.nn.Conv2d(C, O, K, stride, padding); tf.keras.layers.Conv2D with explicit padding.
#pragma once

#include "medley/kernels/conv_weights.hpp"
#include "medley/kernels/correlate.hpp"
#include "medley/kernels/elementwise.hpp"
#include "medley/layers/layer.hpp"

namespace medley {

template <int Outputs, int Kernel, int Stride, int Padding, bool Bias>
struct BasicConv : LayerDefaults {
  static_assert(Outputs > 0, "conv: it needs at least one output channel");
  static_assert(Kernel >= 1 && Kernel <= 11, "conv: kernels from 1x1 to 11x11");
  static_assert(Stride >= 1, "conv: the stride must be positive");
  static_assert(Padding >= 0 && Padding < Kernel, "conv: the padding must be below the kernel");

  static constexpr std::string_view type = "conv";
  static constexpr bool reads_input = true;
  static constexpr bool takes_planar = true;

  static constexpr bool accepts(Shape x) {
    return x.h + 2 * Padding >= Kernel && x.w + 2 * Padding >= Kernel;
  }
  static constexpr Shape output(Shape x) {
    return {Outputs, (x.h + 2 * Padding - Kernel) / Stride + 1,
            (x.w + 2 * Padding - Kernel) / Stride + 1};
  }
  static constexpr auto parameters(Shape x, Layout layout) {
    const Parameter weight = conv_weight("weight", {Outputs, x.c, Kernel, Kernel}, 4, layout);
    if constexpr (Bias) {
      return std::array{weight, channel_parameter("bias", Outputs, Initial::zero)};
    } else {
      return std::array{weight};
    }
  }
  static constexpr int input_halo(Shape) { return Padding; }
  // How far the gradient of an input pixel reaches beyond the output.
  static constexpr int gradient_halo(Shape x) {
    const Shape y = output(x);
    const int before = (Kernel - 1 - Padding + Stride - 1) / Stride;
    const int after = std::max((x.h - 1 + Padding) / Stride - (y.h - 1),
                               (x.w - 1 + Padding) / Stride - (y.w - 1));
    return std::max({before, after, 0});
  }
  // The weights again, with input channels across lanes: [in / 16][out][ky][kx][in % 16].
  static constexpr int derived_floats(Shape x) {
    return block_count(x.c) * lanes * Outputs * Kernel * Kernel;
  }
  static constexpr double flops(Shape x) {
    return 2.0 * output(x).elements() * x.c * Kernel * Kernel;
  }
  template <class F>
  static void options(F&& f) {
    f("outputs", Outputs);
    f("kernel", Kernel);
    f("stride", Stride);
    f("padding", Padding);
    f("bias", Bias);
  }

  template <class Io>
  static void forward(const Io& io) {
    const auto x = io.x();
    const auto y = io.y();
    const float* bias = nullptr;
    if constexpr (Bias) bias = io.parameter(1);
    for (int n = 0; n < io.samples; ++n) {
      kernels::correlate<forward_correlation<typename Io::X, typename Io::Y>()>(
          x.at(n, 0, -Padding, -Padding), io.parameter(0), bias, y.at(n, 0, 0, 0), false);
    }
  }

  template <class Io>
  static void backward(const Io& io) {
    const auto x = io.x();
    const auto gy = io.gy();
    kernels::conv_weight_gradient<weight_gradient<typename Io::X, typename Io::GY>()>(
        io.samples, x.at(0, 0, -Padding, -Padding), gy.at(0, 0, 0, 0), io.gradient(0),
        io.accumulate);
    if constexpr (Bias) add_bias_gradient(io);
    if constexpr (Io::wants_x) {
      const bool accumulate = io.claim_x();
      for (int n = 0; n < io.samples; ++n) backward_data(io, n, accumulate);
    }
  }

  // Part `part` of `parts` of the transposed weights: one block of input channels after the other.
  template <class Io>
  static void derive(const Io& io, int part, int parts) {
    constexpr Shape in = Io::X::shape;
    constexpr Packing packing = parameters(in, Io::X::layout)[0].packing;
    const float* weight = io.parameter(0);
    float* derived = io.derived();
    const int count = Outputs * Kernel * Kernel;
    for (int b = part; b < block_count(in.c); b += parts) {
      for (int i = 0; i < count; ++i) {
        const int o = i / (Kernel * Kernel), ky = i / Kernel % Kernel, kx = i % Kernel;
        float* to = derived + (b * count + i) * lanes;
        for (int c = 0; c < block_channels(in.c, b); ++c) {
          to[c] = weight[packing.index(o, b * lanes + c, ky, kx)];
        }
      }
    }
  }

 private:
  template <class X, class Y>
  static consteval kernels::Correlation forward_correlation() {
    constexpr Packing w = parameters(X::shape, X::layout)[0].packing;
    constexpr bool planar = X::layout == Layout::planar;
    kernels::Taps taps;
    taps.count = Kernel;
    for (int k = 0; k < Kernel; ++k) taps.offset[k] = taps.weight[k] = k;
    return {.in_blocks = planar ? 1 : X::blocks,
            .in_block_channels = lanes,
            .in_last_channels = planar ? X::shape.c : block_channels(X::shape.c, X::blocks - 1),
            .in_block = X::block,
            .in_channel = planar ? X::block : 1,
            .in_row = X::row,
            .in_pixel = X::pixel,
            .step = Stride,
            .weight_out = w.out,
            .weight_in = w.in,
            .weight_row = w.row,
            .weight_channel = w.channel,
            .weight_column = w.column,
            .rows = taps,
            .columns = taps,
            .out_blocks = Y::blocks,
            .out_block = Y::block,
            .out_row = Y::row,
            .out_pixel = Y::pixel,
            .height = Y::shape.h,
            .width = Y::shape.w};
  }

  template <class X, class GY>
  static consteval kernels::WeightGradient weight_gradient() {
    constexpr Packing w = parameters(X::shape, X::layout)[0].packing;
    constexpr bool planar = X::layout == Layout::planar;
    return {.in_sample = X::sample,
            .out_sample = GY::sample,
            .in_blocks = planar ? 1 : X::blocks,
            .in_block_channels = lanes,
            .in_last_channels = planar ? X::shape.c : block_channels(X::shape.c, X::blocks - 1),
            .in_block = X::block,
            .in_channel = planar ? X::block : 1,
            .in_row = X::row,
            .in_pixel = X::pixel,
            .kernel = Kernel,
            .stride = Stride,
            .out_blocks = GY::blocks,
            .out_block = GY::block,
            .out_row = GY::row,
            .height = GY::shape.h,
            .width = GY::shape.w,
            .weight_out = w.out,
            .weight_in = w.in,
            .weight_row = w.row,
            .weight_channel = w.channel,
            .weight_column = w.column};
  }

  // The taps that reach input pixels of one phase (place modulo stride), by rising offset.
  static consteval kernels::Taps backward_taps(int phase) {
    kernels::Taps taps;
    for (int k = Kernel - 1; k >= 0; --k) {
      if ((phase + Padding - k) % Stride != 0) continue;
      taps.offset[taps.count] = (phase + Padding - k) / Stride;
      taps.weight[taps.count] = k;
      ++taps.count;
    }
    return taps;
  }

  // Input pixels whose row and column have the phases PY and PX see the same taps: a correlation of
  // the output's gradient for each pair of phases.
  template <class Io, int PY, int PX>
  static consteval kernels::Correlation backward_correlation() {
    using GX = typename Io::GX;
    using GY = typename Io::GY;
    constexpr Shape in = GX::shape;
    return {.in_blocks = GY::blocks,
            .in_block_channels = lanes,
            .in_last_channels = block_channels(Outputs, GY::blocks - 1),
            .in_block = GY::block,
            .in_channel = 1,
            .in_row = GY::row,
            .in_pixel = GY::pixel,
            .step = 1,
            .weight_out = Outputs * Kernel * Kernel * lanes,
            .weight_in = lanes * Kernel * Kernel * lanes,
            .weight_row = Kernel * lanes,
            .weight_channel = Kernel * Kernel * lanes,
            .weight_column = lanes,
            .rows = backward_taps(PY),
            .columns = backward_taps(PX),
            .out_blocks = GX::blocks,
            .out_block = GX::block,
            .out_row = GX::row * Stride,
            .out_pixel = GX::pixel * Stride,
            .height = (in.h - PY + Stride - 1) / Stride,
            .width = (in.w - PX + Stride - 1) / Stride};
  }

  template <class Io>
  static void backward_data(const Io& io, int n, bool accumulate) {
    const auto gx = io.gx();
    const auto gy = io.gy();
    unroll<Stride * Stride>([&](auto phase) {
      constexpr int py = decltype(phase)::value / Stride, px = decltype(phase)::value % Stride;
      constexpr kernels::Correlation c = backward_correlation<Io, py, px>();
      if constexpr (c.height > 0 && c.width > 0) {
        if constexpr (c.rows.count > 0 && c.columns.count > 0) {
          kernels::correlate<c>(gy.at(n, 0, 0, 0), io.derived(), nullptr, gx.at(n, 0, py, px),
                                accumulate);
        } else if (!accumulate) {  // pixels that no tap reaches
          for (int b = 0; b < Io::GX::blocks; ++b) {
            for (int y = 0; y < c.height; ++y) {
              for (int x = 0; x < c.width; ++x) {
                Vec::zero().store(gx.at(n, b, py + y * Stride, px + x * Stride));
              }
            }
          }
        }
      }
    });
  }

  // Σ gy over samples and pixels: a chain for every fourth pixel of a row, then the four together.
  template <class Io>
  static void add_bias_gradient(const Io& io) {
    using GY = typename Io::GY;
    const auto gy = io.gy();
    for (int b = 0; b < GY::blocks; ++b) {
      Vec sum[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};
      for (int n = 0; n < io.samples; ++n) {
        for (int y = 0; y < GY::shape.h; ++y) {
          const float* row = gy.at(n, b, y, 0);
          for (int x = 0; x < GY::shape.w; ++x) {
            sum[x % 4] = sum[x % 4] + Vec::load(row + x * lanes);
          }
        }
      }
      kernels::put(io.gradient(1) + b * lanes, (sum[0] + sum[1]) + (sum[2] + sum[3]),
                   io.accumulate);
    }
  }
};

template <int Outputs, int Kernel = 3, int Stride = 1, int Padding = Kernel / 2>
using Conv = BasicConv<Outputs, Kernel, Stride, Padding, true>;

// Without a bias, as in front of a normalization, which would take it away again.
template <int Outputs, int Kernel = 3, int Stride = 1, int Padding = Kernel / 2>
using ConvNoBias = BasicConv<Outputs, Kernel, Stride, Padding, false>;

}  // namespace medley
