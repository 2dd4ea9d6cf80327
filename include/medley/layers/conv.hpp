// Convolution: y(o) = b(o) + Σ_c Σ_ky Σ_kx w(o, c, ky, kx) · x(c, y·stride + ky - padding, ...).
// torch.nn.Conv2d(C, O, K, stride, padding); tf.keras.layers.Conv2D with explicit padding.
//
// Wide layers of 3x3 and 5x5 taps are computed by Winograd's minimal filtering, all others directly.
// The choice follows from the layer's shape alone, so that results do not depend on the machine;
// Direct<Conv<64>> and ByWinograd<Conv<16>> force it.
#pragma once

#include "medley/kernels/conv_weights.hpp"
#include "medley/kernels/correlate.hpp"
#include "medley/kernels/elementwise.hpp"
#include "medley/kernels/transpose.hpp"
#include "medley/kernels/winograd.hpp"
#include "medley/layers/layer.hpp"

namespace medley {

enum class ConvAlgorithm { automatic, direct, winograd };

template <int Outputs, int Kernel, int Stride, int Padding, bool Bias,
          ConvAlgorithm Choice = ConvAlgorithm::automatic>
struct BasicConv : LayerDefaults {
  using Winograd = kernels::Winograd<Kernel == 5 ? 5 : 3>;  // where it is one

  template <ConvAlgorithm Algorithm>
  using With = BasicConv<Outputs, Kernel, Stride, Padding, Bias, Algorithm>;

  static constexpr std::string_view type = "conv";
  static constexpr bool reads_input = true;
  static constexpr bool takes_planar(Shape x) { return !winograd(x); }

  static constexpr std::string_view refuses(Shape x) {
    if (Outputs < 1) return "it needs at least one output channel";
    if (Kernel < 1 || Kernel > 11) return "kernels are from 1x1 to 11x11";
    if (Stride < 1) return "the stride must be positive";
    if (Padding < 0 || Padding >= Kernel) return "the padding must be below the kernel";
    if (Choice == ConvAlgorithm::winograd && ((Kernel != 3 && Kernel != 5) || Stride != 1))
      return "Winograd's filtering is for kernels of 3x3 and 5x5 with stride 1";
    if (std::min(x.h, x.w) + 2 * Padding < Kernel)
      return "the kernel is larger than the picture with its padding";
    return {};
  }
  static constexpr Shape output(Shape x) {
    return {Outputs, (x.h + 2 * Padding - Kernel) / Stride + 1,
            (x.w + 2 * Padding - Kernel) / Stride + 1};
  }
  static constexpr auto parameters(Shape x, Layout layout) {
    const Parameter weight = conv_weight("weight", {Outputs, x.c, Kernel, Kernel}, 4, layout);
    if constexpr (Bias) {
      return std::array{weight, bias_of(weight)};
    } else {
      return std::array{weight};
    }
  }
  static constexpr int input_halo(Shape) { return Padding; }
  // How far the gradient of an input pixel reaches beyond the output; direct kernels look at no halo.
  static constexpr int gradient_halo(Shape x) {
    return winograd_back(x) ? Kernel - 1 - Padding : 0;
  }
  // Transforms pay from one full vector of channels on, of 5x5 taps from 6 input channels on (with 4
  // either way takes as long), where at least half of what the tiles cover is there.
  static constexpr bool winograd(Shape x) {
    if (Choice != ConvAlgorithm::automatic) return Choice == ConvAlgorithm::winograd;
    return (Kernel == 3 || Kernel == 5) && Stride == 1 && x.c >= (Kernel == 5 ? 6 : lanes) &&
           Outputs >= lanes &&
           2 * output(x).pixels() >= Winograd::side * Winograd::side * winograd_shape(x).tiles();
  }
  static constexpr bool takes_max_pool(Shape) { return true; }
  // Backward to the data, input channels come out: fewer than a vector of them directly.
  static constexpr bool winograd_back(Shape x) {
    return winograd(x) && (Choice == ConvAlgorithm::winograd || x.c >= lanes);
  }
  static constexpr std::string_view algorithm(Shape x) { return winograd(x) ? "winograd" : ""; }
  // The weights transformed for Winograd's filtering forward, if it is, then what backward to the data
  // reads: those transformed for that or, directly, the weights again with input channels across
  // lanes: [in / 16][out][ky][kx][in % 16].
  static constexpr int prepacked_floats(Shape x, bool wants_x) {
    const int back = winograd_back(x)
                         ? static_cast<int>(kernels::winograd_weight_floats(Outputs, x.c))
                         : block_count(x.c) * lanes * Outputs * Kernel * Kernel;
    return prepacked_forward(x) + (wants_x ? back : 0);
  }
  static constexpr int forward_scratch(Shape x, int samples) {
    if (!winograd(x)) return 0;
    return static_cast<int>(kernels::winograd_scratch_floats(winograd_shape(x), samples));
  }
  static constexpr int backward_scratch(Shape x, int samples) {
    if (!winograd(x)) return kernels::conv_weight_scratch_floats(Kernel);
    const Winograd data{
        .in = {.channels = Outputs}, .out = {.channels = x.c}, .height = x.h, .width = x.w};
    return static_cast<int>(
        std::max(winograd_back(x) ? kernels::winograd_scratch_floats(data, samples) : 0,
                 kernels::winograd_gradient_scratch_floats(winograd_shape(x), samples)));
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
    forward_to<void>(io);
  }
  template <class Io>
  static void forward_pooled(const Io& io) {
    forward_to<typename Io::Then>(io);
  }

  template <class Io>
  static void backward(const Io& io) {
    if (io.learns(0)) backward_weights(io);
    if constexpr (Bias) {
      if (io.learns(1)) add_bias_gradient(io);
    }
    if constexpr (Io::wants_x) {
      if (io.asks_x()) backward_data(io);
    }
  }

  template <class Io>
  static void backward_weights(const Io& io) {
    const float* x = io.x().at(0, 0, -Padding, -Padding);
    const float* gy = io.gy().at(0, 0, 0, 0);
    if constexpr (winograd(Io::X::shape)) {
      constexpr Winograd w = winograd_between<typename Io::X, typename Io::GY>();
      constexpr Packing p = parameters(Io::X::shape, Io::X::layout)[0].packing;
      kernels::winograd_weight_gradient(w, Io::most_samples, io.samples, x, gy,
                                        {p.out, p.in, p.channel, p.row}, io.gradient(0),
                                        io.accumulate, io.scratch());
    } else {
      kernels::conv_weight_gradient<weight_gradient<typename Io::X, typename Io::GY>()>(
          io.samples, x, gy, io.gradient(0), io.accumulate, io.scratch());
    }
  }

  template <class Io>
  static void backward_data(const Io& io) {
    const bool accumulate = io.claim_x();
    if constexpr (winograd_back(Io::X::shape)) {
      constexpr Winograd w = winograd_between<typename Io::GY, typename Io::GX>();
      constexpr int border = Kernel - 1 - Padding;
      kernels::winograd_correlate(w, Io::most_samples, io.samples,
                                  io.gy().at(0, 0, -border, -border),
                                  io.prepacked() + prepacked_forward(Io::X::shape), nullptr,
                                  io.gx().at(0, 0, 0, 0), accumulate, io.scratch());
    } else {
      correlate_back(io, accumulate);
    }
  }

  // Transposes or transforms weights, a block of outputs by a block of inputs at a time.
  template <class Io>
  static void prepack(const Io& io, int first, int last) {
    constexpr Parameter w = parameters(Io::X::shape, Io::X::layout)[0];
    for (int at = first; at < last; at += w.grain) {
      const int o = at / w.packing.out, i = at % w.packing.out / w.packing.in;
      const float* weight = io.parameter(0) + at;
      if constexpr (winograd(Io::X::shape)) transform_weights(io, weight, o, i);
      if constexpr (!Io::wants_x) continue;
      if constexpr (winograd_back(Io::X::shape)) {
        transform_turned_weights(io, weight, o, i);
      } else {
        transpose_weights(io, weight, o, i);
      }
    }
  }

 private:
  static constexpr int prepacked_forward(Shape x) {
    return winograd(x) ? static_cast<int>(kernels::winograd_weight_floats(x.c, Outputs)) : 0;
  }

  // Where pooled, y is that of the MaxPool behind, and Then the activation of what it takes; else void.
  template <class Then, class Io>
  static void forward_to(const Io& io) {
    using X = typename Io::X;
    constexpr bool pools = !std::is_void_v<Then>;
    const float* x = io.x().at(0, 0, -Padding, -Padding);
    float* y = io.y().at(0, 0, 0, 0);
    if constexpr (winograd(X::shape)) {
      constexpr Winograd w = winograd_between<X, typename Io::Y, output(X::shape)>();
      kernels::winograd_correlate<Then>(w, Io::most_samples, io.samples, x, io.prepacked(),
                                        bias(io), y, false, io.scratch());
    } else {
      kernels::correlate<forward_correlation<pools, Io>(), Then>(io.samples, x, io.parameter(0),
                                                                 bias(io), y, false);
    }
  }
  template <class Io>
  static const float* bias(const Io& io) {
    if constexpr (Bias) return io.parameter(1);
    return nullptr;
  }

  // `weight`: of block o of outputs and block i of inputs.
  template <class Io>
  static void transpose_weights(const Io& io, const float* weight, int o, int i) {
    constexpr Shape in = Io::X::shape;
    constexpr Packing packing = parameters(in, Io::X::layout)[0].packing;
    constexpr int taps = Kernel * Kernel;
    float* to = io.prepacked() + prepacked_forward(in) +
                static_cast<std::ptrdiff_t>(i * Outputs + o * lanes) * taps * lanes;
    for (int k = 0; k < taps; ++k) {
      kernels::transpose(block_channels(in.c, i), block_channels(Outputs, o),
                         weight + packing.index(0, 0, k / Kernel, k % Kernel), packing.channel,
                         to + k * lanes, taps * lanes);
    }
  }

  // --- by Winograd's filtering -------------------------------------------------------------------

  // Without strides: enough for sizes.
  static constexpr Winograd winograd_shape(Shape x) {
    const Shape y = output(x);
    return {.in = {.channels = x.c}, .out = {.channels = y.c}, .height = y.h, .width = y.w};
  }
  template <class From, class To, Shape Results = To::shape>
  static constexpr Winograd winograd_between() {
    return {.in = {From::shape.c, From::sample, From::block, From::row},
            .out = {To::shape.c, To::sample, To::block, To::row},
            .height = Results.h,
            .width = Results.w};
  }

  template <class Io>
  static void transform_weights(const Io& io, const float* weight, int o, int i) {
    constexpr Shape in = Io::X::shape;
    constexpr Packing packing = parameters(in, Io::X::layout)[0].packing;
    for (int c = 0; c < block_channels(in.c, i); ++c) {
      kernels::winograd_transform_weights<Kernel>(weight + c * packing.channel, packing.row, in.c,
                                                  Outputs, i * lanes + c, o, io.prepacked());
    }
  }

  // Backward, output channels are what comes in, and the taps are turned by half a circle.
  template <class Io>
  static void transform_turned_weights(const Io& io, const float* weight, int o, int i) {
    constexpr Shape in = Io::X::shape;
    constexpr Packing packing = parameters(in, Io::X::layout)[0].packing;
    constexpr int taps = Kernel * Kernel;
    alignas(64) float turned[lanes][taps * lanes] = {};  // [output][tap][input]
    for (int k = 0; k < taps; ++k) {
      const int turn = taps - 1 - k;
      kernels::transpose(block_channels(in.c, i), block_channels(Outputs, o),
                         weight + packing.index(0, 0, turn / Kernel, turn % Kernel),
                         packing.channel, turned[0] + k * lanes, taps * lanes);
    }
    for (int c = 0; c < block_channels(Outputs, o); ++c) {
      kernels::winograd_transform_weights<Kernel>(turned[c], Kernel * lanes, Outputs, in.c,
                                                  o * lanes + c, i,
                                                  io.prepacked() + prepacked_forward(in));
    }
  }

  // --- directly ----------------------------------------------------------------------------------

  // Rows without a border, seen through a single tap, are one long row.
  template <class A, class B>
  static constexpr bool one_row = Kernel == 1 && Stride == 1 && A::halo == 0 && B::halo == 0;
  template <class A, class B>
  static constexpr Shape rows_of =
      one_row<A, B> ? Shape{B::shape.c, 1, B::shape.pixels()} : B::shape;

  template <bool Pools, class Io>
  static consteval kernels::Correlation forward_correlation() {
    using X = typename Io::X;
    using Y = typename Io::Y;
    constexpr Shape in = Pools ? X::shape : rows_of<Y, X>;
    constexpr Shape results = Pools ? output(X::shape) : rows_of<X, Y>;
    constexpr Packing w = parameters(X::shape, X::layout)[0].packing;
    constexpr bool planar = X::layout == Layout::planar;
    constexpr kernels::Taps taps{.count = Kernel};
    return {.samples = Io::most_samples,
            .in_blocks = planar ? 1 : X::blocks,
            .in_block_channels = lanes,
            .in_last_channels = planar ? X::shape.c : block_channels(X::shape.c, X::blocks - 1),
            .in_sample = X::sample,
            .in_block = X::block,
            .in_channel = planar ? X::block : 1,
            .in_row = X::row,
            .in_pixel = X::pixel,
            .in_top = Padding,
            .in_left = Padding,
            .in_height = in.h,
            .in_width = in.w,
            .step = Stride,
            .weight_out = w.out,
            .weight_in = w.in,
            .weight_row = w.row,
            .weight_channel = w.channel,
            .weight_column = w.column,
            .rows = taps,
            .columns = taps,
            .out_blocks = Y::blocks,
            .out_channels = Y::shape.c,
            .out_sample = Y::sample,
            .out_block = Y::block,
            .out_row = Y::row,
            .out_pixel = Y::pixel,
            .height = results.h,
            .width = results.w,
            .pools = Pools};
  }

  template <class X, class GY>
  static consteval kernels::WeightGradient weight_gradient() {
    constexpr Packing w = parameters(X::shape, X::layout)[0].packing;
    constexpr bool planar = X::layout == Layout::planar;
    // A line has to leave room in the nearest cache.
    constexpr bool small = GY::shape.pixels() <= 64;
    constexpr Shape rows = small ? rows_of<X, GY> : GY::shape;
    constexpr Shape in_rows = small ? rows_of<GY, X> : X::shape;
    return {.in_sample = X::sample,
            .out_sample = GY::sample,
            .in_blocks = planar ? 1 : X::blocks,
            .in_block_channels = lanes,
            .in_last_channels = planar ? X::shape.c : block_channels(X::shape.c, X::blocks - 1),
            .in_block = X::block,
            .in_channel = planar ? X::block : 1,
            .in_row = X::row,
            .in_pixel = X::pixel,
            .in_top = Padding,
            .in_height = in_rows.h,
            .kernel = Kernel,
            .stride = Stride,
            .out_blocks = GY::blocks,
            .out_channels = GY::shape.c,
            .out_block = GY::block,
            .out_row = GY::row,
            .height = rows.h,
            .width = rows.w,
            .weight_out = w.out,
            .weight_in = w.in,
            .weight_row = w.row,
            .weight_channel = w.channel,
            .weight_column = w.column};
  }

  // The taps that reach input pixels of one phase (place modulo stride), every Stride-th from the
  // last one on.
  static consteval kernels::Taps backward_taps(int phase) {
    int last = Kernel - 1;
    while (last >= 0 && (phase + Padding - last) % Stride != 0) --last;
    if (last < 0) return {};
    return {.count = last / Stride + 1,
            .first_offset = (phase + Padding - last) / Stride,
            .first_weight = last,
            .weight_step = -Stride};
  }

  // Input pixels whose row and column have the phases PY and PX see the same taps: a correlation of
  // the output's gradient for each pair of phases.
  template <class Io, int PY, int PX>
  static consteval kernels::Correlation backward_correlation() {
    using GX = typename Io::GX;
    using GY = typename Io::GY;
    constexpr Shape in = rows_of<GY, GX>;
    return {.samples = Io::most_samples,
            .in_blocks = GY::blocks,
            .in_block_channels = lanes,
            .in_last_channels = block_channels(Outputs, GY::blocks - 1),
            .in_sample = GY::sample,
            .in_block = GY::block,
            .in_channel = 1,
            .in_row = GY::row,
            .in_pixel = GY::pixel,
            .in_top = 0,
            .in_left = 0,
            .in_height = rows_of<GX, GY>.h,
            .in_width = rows_of<GX, GY>.w,
            .step = 1,
            .weight_out = Outputs * Kernel * Kernel * lanes,
            .weight_in = lanes * Kernel * Kernel * lanes,
            .weight_row = Kernel * lanes,
            .weight_channel = Kernel * Kernel * lanes,
            .weight_column = lanes,
            .rows = backward_taps(PY),
            .columns = backward_taps(PX),
            .out_blocks = GX::blocks,
            .out_channels = GX::shape.c,
            .out_sample = GX::sample,
            .out_block = GX::block,
            .out_row = GX::row * Stride,
            .out_pixel = GX::pixel * Stride,
            .height = (in.h - PY + Stride - 1) / Stride,
            .width = (in.w - PX + Stride - 1) / Stride};
  }

  template <class Io>
  static void correlate_back(const Io& io, bool accumulate) {
    const auto gx = io.gx();
    const auto gy = io.gy();
    unroll<Stride * Stride>([&](auto phase) {
      constexpr int py = decltype(phase)::value / Stride, px = decltype(phase)::value % Stride;
      constexpr kernels::Correlation c = backward_correlation<Io, py, px>();
      if constexpr (c.height > 0 && c.width > 0) {
        if constexpr (c.rows.count > 0 && c.columns.count > 0) {
          kernels::correlate<c>(io.samples, gy.at(0, 0, 0, 0),
                                io.prepacked() + prepacked_forward(Io::X::shape), nullptr,
                                gx.at(0, 0, py, px), accumulate);
        } else if (!accumulate) {  // pixels that no tap reaches
          for (int nb = 0; nb < io.samples * Io::GX::blocks; ++nb) {
            for (int y = 0; y < c.height; ++y) {
              for (int x = 0; x < c.width; ++x) {
                Vec::zero().store(gx.at(0, nb, py + y * Stride, px + x * Stride));
              }
            }
          }
        }
      }
    });
  }

  // Σ gy over samples and pixels.
  template <class Io>
  static void add_bias_gradient(const Io& io) {
    using GY = typename Io::GY;
    using V = typename GY::Pixel;
    const auto gy = io.gy();
    for (int b = 0; b < GY::blocks; ++b) {
      V total = V::zero();
      for (int n = 0; n < io.samples; ++n) {
        total = total + kernels::sum_rows<GY, V>(
                            0, GY::shape.h, [&](const V& sum, int y, int x) MEDLEY_INLINE_LAMBDA {
                              return sum + V::load(gy.at(n, b, y, x));
                            });
      }
      kernels::put(io.gradient(1) + b * lanes, total, io.accumulate);
    }
  }
};

template <int Outputs, int Kernel = 3, int Stride = 1, int Padding = Kernel / 2>
using Conv = BasicConv<Outputs, Kernel, Stride, Padding, true>;

// Without a bias, as in front of a normalization, which would take it away again.
template <int Outputs, int Kernel = 3, int Stride = 1, int Padding = Kernel / 2>
using ConvNoBias = BasicConv<Outputs, Kernel, Stride, Padding, false>;

// A convolution by a given algorithm.
template <class Convolution>
using Direct = typename Convolution::template With<ConvAlgorithm::direct>;
template <class Convolution>
using ByWinograd = typename Convolution::template With<ConvAlgorithm::winograd>;

}  // namespace medley
