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
  static constexpr std::string_view type = "dense";
  static constexpr bool reads_input = true;
  static constexpr bool takes_planar(Shape) { return true; }

  static constexpr std::string_view refuses(Shape) {
    return Outputs < 1 ? "it needs at least one output" : "";
  }
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
    weight.grain = p.column;
    weight.factored = weight.floats >= least_factored;
    return {weight, bias_of(weight)};
  }
  // The weights again, with inputs across lanes: [block][y][x][out][in % 16].
  static constexpr int prepacked_floats(Shape x, bool wants_x) {
    return wants_x ? block_count(x.c) * x.pixels() * Outputs * lanes : 0;
  }
  static constexpr int backward_scratch(Shape x, int samples) {
    Parameter weight = parameters(x, Layout::blocked)[0];
    weight.factored = !weight.factored;
    return weight.factor_floats(samples);
  }
  static constexpr double flops(Shape x) { return 2.0 * x.elements() * Outputs; }
  template <class F>
  static void options(F&& f) {
    f("outputs", Outputs);
  }

  template <class Io>
  static void forward(const Io& io) {
    using X = typename Io::X;
    constexpr int blocks = Io::Y::blocks, group = kernels::vector_group(blocks);
    constexpr int stride = weight<X>().packing.out;  // between blocks of outputs
    const auto y = io.y();
    for (int o = 0; o < blocks; o += group) {
      const float* weights = io.parameter(0) + o * stride;
      const float* bias = io.parameter(1) + o * lanes;
      for_each_run(io.x(), kernels::piece_length(group), [&](const float* x, int length, int row) {
        kernels::multiply_piece<group>(
            io.samples, x, X::sample, weights + row * lanes, stride, length,
            [&](int v, const float* sum)
                MEDLEY_INLINE_LAMBDA { return Vec::load(row > 0 ? sum : bias + v * lanes); },
            [&](int v, int n) MEDLEY_INLINE_LAMBDA { return y.at(n, o + v, 0, 0); });
      });
    }
  }

  template <class Io>
  static void backward(const Io& io) {
    if (io.learns(0)) backward_weights(io);
    if (io.learns(1)) add_bias_gradient(io);
    if constexpr (Io::wants_x) {
      if (io.asks_x()) backward_data(io);
    }
  }

  // Leaves the factors of the gradient, or multiplies them at once.
  template <class Io>
  static void backward_weights(const Io& io) {
    using X = typename Io::X;
    using GY = typename Io::GY;
    constexpr Parameter w = weight<X>();
    const auto gy = io.gy();
    float* inputs = w.factored ? io.factors(0) : io.scratch();
    float* outputs = inputs + w.rows() * Io::most_samples;
    if constexpr (w.rows() > Io::X::shape.elements()) {  // lanes that pad the last block
      std::fill_n(inputs, w.rows() * Io::most_samples, 0.0f);
    }
    for_each_run(io.x(), w.rows(), [&](const float* x, int length, int row) {
      kernels::transpose(io.samples, length, x, X::sample, inputs + row * Io::most_samples,
                         Io::most_samples);
    });
    for (int o = 0; o < GY::blocks; ++o) {
      float* block = outputs + o * Io::most_samples * lanes;
      for (int n = 0; n < io.samples; ++n) Vec::load(gy.at(n, o, 0, 0)).store(block + n * lanes);
      if constexpr (!w.factored) {
        const kernels::Factors shard{inputs, block, io.samples};
        kernels::multiply_factors(w.rows(), Io::most_samples, &shard, 1,
                                  io.gradient(0) + o * w.packing.out, io.accumulate);
      }
    }
  }

  template <class Io>
  static void backward_data(const Io& io) {
    using GX = typename Io::GX;
    using GY = typename Io::GY;
    static_assert(GY::halo == 0, "outputs must lie behind each other");
    constexpr Shape in = GX::shape;
    constexpr int groups = GX::blocks * in.pixels(), group = kernels::vector_group(groups);
    constexpr int piece = kernels::piece_length(group);
    const auto gx = io.gx();
    const bool accumulate = io.claim_x();
    for (int g = 0; g < groups; g += group) {
      for (int from = 0; from < Outputs; from += piece) {
        kernels::multiply_piece<group>(
            io.samples, io.gy().at(0, 0, 0, 0) + from, GY::sample,
            io.prepacked() + (static_cast<std::ptrdiff_t>(g) * Outputs + from) * lanes,
            Outputs * lanes, std::min(piece, Outputs - from),
            [&](int, const float* sum) MEDLEY_INLINE_LAMBDA {
              return accumulate || from > 0 ? Vec::load(sum) : Vec::zero();
            },
            [&](int v, int n) MEDLEY_INLINE_LAMBDA {
              const int pixel = (g + v) % in.pixels();
              return gx.at(n, (g + v) / in.pixels(), pixel / in.w, pixel % in.w);
            });
      }
    }
  }

  // Transposes weights, a pixel's block of inputs by a block of outputs at a time.
  template <class Io>
  static void prepack(const Io& io, int first, int last) {
    constexpr Shape in = Io::X::shape;
    constexpr Parameter w = weight<typename Io::X>();
    for (int at = first; at < last; at += w.grain) {
      const int o = at / w.packing.out * lanes, g = at % w.packing.out / w.grain;
      kernels::transpose(block_channels(in.c, g / in.pixels()), std::min(lanes, Outputs - o),
                         io.parameter(0) + at, w.packing.channel,
                         io.prepacked() + (static_cast<std::ptrdiff_t>(g) * Outputs + o) * lanes,
                         lanes);
    }
  }

 private:
  // From 64 KiB on, a gradient in every slot costs more than rounds over a batch's shards do.
  static constexpr int least_factored = 16384;

  template <class X>
  static constexpr Parameter weight() {
    return parameters(X::shape, X::layout)[0];
  }

  // Calls f(first, length, row) for runs of at most `most` inputs of sample 0 that lie behind each
  // other, and the row of the weights that a run begins with. Lanes that pad are left out.
  template <class X, class F>
  static void for_each_run(X x, int most, F&& f) {
    constexpr Shape in = X::shape;
    constexpr Packing packing = weight<X>().packing;
    constexpr int whole = X::layout == Layout::planar ? in.c : in.c / lanes;  // blocks
    const auto cut = [&](int b, int r, int c, int length) {
      const int row = (b * packing.in + r * packing.row + c * packing.column) / lanes;
      for (int from = 0; from < length; from += most) {
        f(x.at(0, b, r, c) + from, std::min(most, length - from), row + from);
      }
    };
    if constexpr (X::halo == 0) {
      cut(0, 0, 0, whole * in.pixels() * X::pixel);
    } else {
      for (int b = 0; b < whole; ++b) {
        for (int r = 0; r < in.h; ++r) cut(b, r, 0, in.w * X::pixel);
      }
    }
    for (int b = whole; b < X::blocks; ++b) {
      for (int r = 0; r < in.h; ++r) {
        for (int c = 0; c < in.w; ++c) cut(b, r, c, block_channels(in.c, b));
      }
    }
  }

  // Σ gy over samples.
  template <class Io>
  static void add_bias_gradient(const Io& io) {
    const auto gy = io.gy();
    for (int o = 0; o < Io::GY::blocks; ++o) {
      Vec sum = Vec::zero();
      for (int n = 0; n < io.samples; ++n) sum = sum + Vec::load(gy.at(n, o, 0, 0));
      kernels::put(io.gradient(1) + o * lanes, sum, io.accumulate);
    }
  }
};

}  // namespace medley
