// Dense layer: y(o) = b(o) + Σ_k w(o, k) x(k), over all elements of its input in the order of the
// frameworks (channel, row, column), so that it may stand behind Flatten or directly behind
// pictures. torch.nn.Linear(C*H*W, O) behind torch.nn.Flatten(); tf.keras.layers.Dense.
#pragma once

#include "medley/kernels/dense.hpp"
#include "medley/kernels/elementwise.hpp"
#include "medley/kernels/transpose.hpp"
#include "medley/layers/layer.hpp"

namespace medley {

template <int Outputs>
struct Dense : LayerDefaults {
  static_assert(Outputs > 0, "dense: it needs at least one output");

  static constexpr std::string_view type = "dense";
  static constexpr bool reads_input = true;
  static constexpr bool takes_planar = true;

  static constexpr Shape output(Shape) { return {Outputs, 1, 1}; }
  static constexpr std::array<Parameter, 2> parameters(Shape x, Layout layout) {
    // Unlike a convolution's, the weights lie in the order of the input's memory.
    Parameter weight = conv_weight("weight", {Outputs, x.c, x.h, x.w}, 2, layout);
    Packing& p = weight.packing;
    if (layout == Layout::planar) {
      p.in_block = 1;
    }
    p.channel = lanes;
    p.column = p.in_block * p.channel;
    p.row = x.w * p.column;
    p.in = x.h * p.row;
    return {weight, channel_parameter("bias", Outputs, Initial::zero)};
  }
  // The weights again, with inputs across lanes: [block][y][x][out][in % 16].
  static constexpr int derived_floats(Shape x, bool wants_x) {
    return wants_x ? block_count(x.c) * x.pixels() * Outputs * lanes : 0;
  }
  static constexpr double flops(Shape x) { return 2.0 * x.elements() * Outputs; }
  template <class F>
  static void options(F&& f) {
    f("outputs", Outputs);
  }

  template <class Io>
  static void forward(const Io& io) {
    using X = typename Io::X;
    using Y = typename Io::Y;
    constexpr int vectors = kernels::dense_vectors(Y::blocks);
    constexpr std::ptrdiff_t stride = weight_packing<X>().out;  // between blocks of outputs
    const auto x = io.x();
    const auto y = io.y();
    kernels::for_each_sample_tile(io.samples, [&]<int P>(int n, std::integral_constant<int, P>) {
      for (int o = 0; o < Y::blocks; o += vectors) {
        Vec sum[vectors][P];
        unroll<vectors>([&](auto v) MEDLEY_INLINE_LAMBDA {
          const Vec bias = Vec::load(io.parameter(1) + (o + v) * lanes);
          unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA { sum[v][p] = bias; });
        });
        const float* weights = io.parameter(0) + o * stride;
        for_each_run<X>([&](int b, int r, int c, int length, int offset) {
          kernels::multiply_run<vectors, P>(x.at(n, b, r, c), X::sample, weights + offset, stride,
                                            length, sum);
        });
        unroll<vectors>([&](auto v) MEDLEY_INLINE_LAMBDA {
          unroll<P>([&](auto p)
                        MEDLEY_INLINE_LAMBDA { sum[v][p].store(y.at(n + p, o + v, 0, 0)); });
        });
      }
    });
  }

  template <class Io>
  static void backward(const Io& io) {
    backward_parameters(io);
    if constexpr (Io::wants_x) backward_data(io);
  }

  // Part `part` of `parts` of the transposed weights.
  template <class Io>
  static void derive(const Io& io, int part, int parts) {
    constexpr Shape in = Io::X::shape;
    constexpr Packing packing = weight_packing<typename Io::X>();
    const float* weight = io.parameter(0);
    const int groups = block_count(in.c) * in.pixels();
    for (int g = part; g < groups; g += parts) {
      const int b = g / in.pixels(), y = g % in.pixels() / in.w, x = g % in.w;
      float* to = io.derived() + static_cast<std::ptrdiff_t>(g) * Outputs * lanes;
      for (int o = 0; o < Outputs; o += lanes) {
        kernels::transpose(block_channels(in.c, b), std::min(lanes, Outputs - o),
                           weight + packing.index(o, b * lanes, y, x), packing.channel,
                           to + o * lanes, lanes);
      }
    }
  }

 private:
  template <class X>
  static constexpr Packing weight_packing() {
    return parameters(X::shape, X::layout)[0].packing;
  }

  // Calls f(block, row, column, length, offset) for each contiguous run of a sample's inputs: its
  // place, its length and where its weights begin.
  template <class X, class F>
  MEDLEY_INLINE static void for_each_run(F&& f) {
    constexpr Packing packing = weight_packing<X>();
    for (int b = 0; b < X::blocks; ++b) {
      const int channels = X::layout == Layout::planar ? 1 : block_channels(X::shape.c, b);
      if (channels == X::pixel) {
        for (int y = 0; y < X::shape.h; ++y) {
          f(b, y, 0, X::shape.w * X::pixel, b * packing.in + y * packing.row);
        }
      } else {  // the padding lanes of a last block must not be read
        for (int y = 0; y < X::shape.h; ++y) {
          for (int x = 0; x < X::shape.w; ++x) {
            f(b, y, x, channels, b * packing.in + y * packing.row + x * packing.column);
          }
        }
      }
    }
  }

  template <class Io>
  static void backward_parameters(const Io& io) {
    using X = typename Io::X;
    using GY = typename Io::GY;
    constexpr std::ptrdiff_t stride = weight_packing<X>().out;
    const auto x = io.x();
    const auto gy = io.gy();
    for (int o = 0; o < GY::blocks; ++o) {
      float* gw = io.gradient(0) + o * stride;
      Vec bias = Vec::zero();
      kernels::for_each_sample_tile(io.samples, [&]<int P>(int n, std::integral_constant<int, P>) {
        Vec g[P];
        unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA {
          g[p] = Vec::load(gy.at(n + p, o, 0, 0));
          bias = bias + g[p];
        });
        const bool add = io.accumulate || n > 0;
        for_each_run<X>([&](int b, int r, int c, int length, int offset) {
          kernels::multiply_outer<P>(x.at(n, b, r, c), X::sample, g, length, gw + offset, add);
        });
      });
      kernels::put(io.gradient(1) + o * lanes, bias, io.accumulate);
    }
  }

  template <class Io>
  static void backward_data(const Io& io) {
    using GX = typename Io::GX;
    using GY = typename Io::GY;
    const auto gx = io.gx();
    const auto gy = io.gy();
    const bool accumulate = io.claim_x();
    kernels::for_each_sample_tile(io.samples, [&]<int P>(int n, std::integral_constant<int, P>) {
      int group = 0;
      for (int b = 0; b < GX::blocks; ++b) {
        for (int y = 0; y < GX::shape.h; ++y) {
          for (int x = 0; x < GX::shape.w; ++x, ++group) {
            Vec sum[1][P];
            unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA {
              sum[0][p] = accumulate ? Vec::load(gx.at(n + p, b, y, x)) : Vec::zero();
            });
            const float* weights =
                io.derived() + static_cast<std::ptrdiff_t>(group) * Outputs * lanes;
            kernels::multiply_run<1, P>(gy.at(n, 0, 0, 0), GY::sample, weights, 0, Outputs, sum);
            unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA { sum[0][p].store(gx.at(n + p, b, y, x)); });
          }
        }
      }
    });
  }
};

}  // namespace medley
