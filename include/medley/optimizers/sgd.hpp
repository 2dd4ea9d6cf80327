// Stochastic gradient descent with momentum μ, Nesterov's form of it, and weight decay d:
//
//   g ← g + d θ
//   b ← μ b + g                              (b starts at 0)
//   Δ = -rate · b,  Nesterov: -rate · (g + μ b)
//
// Source: Sutskever et al., "On the importance of initialization and momentum in deep learning",
// ICML 2013, in the form of PyTorch, where the rate is outside the momentum.
// PyTorch: torch.optim.SGD(dampening=0)
// TensorFlow: tf.keras.optimizers.SGD without momentum; with it, the rate there is inside.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "medley/optimizers/optimizer.hpp"

namespace medley {

struct Sgd {
  static constexpr std::string_view type = "sgd";
  static constexpr std::array<std::string_view, 1> moments = {"momentum"};

  double learning_rate = 0.01;
  double momentum = 0.0;
  bool nesterov = false;
  double weight_decay = 0.0;

  struct Constants {
    float rate, momentum, decay;
    // Δ = -rate · (of_gradient · g + of_buffer · b)
    float of_gradient, of_buffer;
  };

  constexpr bool valid() const {
    return learning_rate > 0.0 && momentum >= 0.0 && momentum < 1.0 && weight_decay >= 0.0 &&
           (!nesterov || momentum > 0.0);
  }

  constexpr std::size_t kept_moments() const { return momentum > 0.0 ? 1 : 0; }

  template <class F>
  constexpr void options(F&& f) const {
    f("learning_rate", learning_rate);
    f("momentum", momentum);
    f("nesterov", nesterov ? 1.0 : 0.0);
    f("weight_decay", weight_decay);
  }

  Constants at(std::uint64_t, double rate) const {
    const auto mu = static_cast<float>(momentum);
    return {.rate = static_cast<float>(rate),
            .momentum = mu,
            .decay = static_cast<float>(weight_decay),
            .of_gradient = nesterov ? 1.0f : 0.0f,
            .of_buffer = nesterov ? mu : 1.0f};
  }

  MEDLEY_INLINE static Vec change(const Constants& constants, const Vec& theta, const Vec& gradient,
                                  std::array<Vec, 1>& state, bool decays) {
    const Vec decay = Vec::broadcast(decays ? constants.decay : 0.0f);
    const Vec g = fma(decay, theta, gradient);
    Vec& buffer = state[0];
    buffer = fma(Vec::broadcast(constants.momentum), buffer, g);
    const Vec step =
        fma(Vec::broadcast(constants.of_buffer), buffer, Vec::broadcast(constants.of_gradient) * g);
    return Vec::broadcast(-constants.rate) * step;
  }
};

}  // namespace medley
