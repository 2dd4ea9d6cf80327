// Activations, element by element. All work in place: backward needs the output alone.
#pragma once

#include "medley/base/math.hpp"
#include "medley/kernels/elementwise.hpp"
#include "medley/layers/layer.hpp"

namespace medley {

// The shared part: Function gives value(x) and slope(y, gy), the gradient from the output.
template <class Function>
struct Activation : LayerDefaults {
  static constexpr bool reads_output = true;
  static constexpr bool in_place = true;
  static constexpr bool is_activation = true;
  static constexpr double flops(Shape x) { return x.elements(); }

  template <class Io>
  static void forward(const Io& io) {
    kernels::transform(io.samples, io.x(), io.y(),
                       [](const Vec& x) MEDLEY_INLINE_LAMBDA { return Function::value(x); });
  }

  template <class Io>
  static void backward(const Io& io) {
    if constexpr (Io::wants_x) {
      const auto y = io.y();
      const auto gy = io.gy();
      const auto gx = io.gx();
      const bool accumulate = io.claim_x();
      for_each_pixel<typename Io::Y>(
          io.samples, [&](int n, int b, int r, int c) MEDLEY_INLINE_LAMBDA {
            kernels::put(gx.at(n, b, r, c),
                         Function::slope(Vec::load(y.at(n, b, r, c)), Vec::load(gy.at(n, b, r, c))),
                         accumulate);
          });
    }
  }
};

// max(x, 0); NaN stays NaN. torch.nn.ReLU.
struct Relu : Activation<Relu> {
  static constexpr std::string_view type = "relu";
  static constexpr bool is_relu = true;
  template <class V>
  MEDLEY_INLINE static V value(const V& x) {
    return max(x, V::zero());
  }
  template <class V>
  MEDLEY_INLINE static V slope(const V& y, const V& gy) {
    return select(V::zero() < y, gy, V::zero());
  }
};

// x where x > 0, else x / Divisor. torch.nn.LeakyReLU(1 / Divisor); the default is its 0.01.
template <int Divisor = 100>
struct LeakyRelu : Activation<LeakyRelu<Divisor>> {
  static constexpr std::string_view type = "leaky_relu";
  static constexpr std::string_view refuses(Shape) {
    return Divisor < 1 ? "the slope below zero is 1 / Divisor, Divisor from 1" : "";
  }
  static constexpr float below = 1.0f / Divisor;
  template <class F>
  static void options(F&& f) {
    f("slope", static_cast<double>(below));
  }
  MEDLEY_INLINE static Vec value(const Vec& x) {
    return select(x < Vec::zero(), x * Vec::broadcast(below), x);
  }
  MEDLEY_INLINE static Vec slope(const Vec& y, const Vec& gy) {
    return select(Vec::zero() < y, gy, gy * Vec::broadcast(below));
  }
};

// 1 / (1 + e^-x). torch.nn.Sigmoid.
struct Sigmoid : Activation<Sigmoid> {
  static constexpr std::string_view type = "sigmoid";
  MEDLEY_INLINE static Vec value(const Vec& x) { return sigmoid(x); }
  MEDLEY_INLINE static Vec slope(const Vec& y, const Vec& gy) {
    return gy * (y * (Vec::broadcast(1.0f) - y));
  }
};

// Hyperbolic tangent. torch.nn.Tanh.
struct Tanh : Activation<Tanh> {
  static constexpr std::string_view type = "tanh";
  MEDLEY_INLINE static Vec value(const Vec& x) { return tanh(x); }
  MEDLEY_INLINE static Vec slope(const Vec& y, const Vec& gy) {
    return gy * fnma(y, y, Vec::broadcast(1.0f));
  }
};

}  // namespace medley
