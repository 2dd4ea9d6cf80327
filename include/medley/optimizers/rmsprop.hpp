// RMSprop with momentum μ, centred or not, and weight decay d:
//
//   g ← g + d θ
//   v ← α v + (1 - α) g²
//   a ← α a + (1 - α) g,  r = √(v - a²)      (centered;  else r = √v)
//   b ← μ b + g / (r + ε)
//   Δ = -rate · b
//
// v, a and b start at 0. Where rounding leaves v - a² below 0, it is taken for 0.
//
// Sources: Tieleman and Hinton, "Lecture 6.5: RMSprop", Neural Networks for Machine Learning, 2012;
// centred: Graves, "Generating sequences with recurrent neural networks", 2013, arXiv 1308.0850.
// PyTorch: torch.optim.RMSprop
// TensorFlow: tf.keras.optimizers.RMSprop has its rate inside of the momentum, and ε, 1e-7 by
//             default, beside v.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "medley/optimizers/optimizer.hpp"

namespace medley {

struct RmsProp {
  static constexpr std::string_view type = "rmsprop";
  static constexpr std::array<std::string_view, 3> moments = {"second_moment", "momentum",
                                                              "first_moment"};

  double learning_rate = 0.01;
  double alpha = 0.99;
  double epsilon = 1e-8;
  double momentum = 0.0;
  bool centered = false;
  double weight_decay = 0.0;

  struct Constants {
    float rate, alpha, added;  // rate, α, 1 - α
    float epsilon, momentum, decay;
    float centre;  // what of a² is taken from v: 1 or 0
  };

  constexpr bool valid() const {
    return learning_rate > 0.0 && alpha >= 0.0 && alpha < 1.0 && epsilon > 0.0 && momentum >= 0.0 &&
           momentum < 1.0 && weight_decay >= 0.0;
  }

  // Without momentum or centre, these moments are not kept.
  constexpr std::size_t kept_moments() const { return centered ? 3 : momentum > 0.0 ? 2 : 1; }

  template <class F>
  constexpr void options(F&& f) const {
    f("learning_rate", learning_rate);
    f("alpha", alpha);
    f("epsilon", epsilon);
    f("momentum", momentum);
    f("centered", centered ? 1.0 : 0.0);
    f("weight_decay", weight_decay);
  }

  Constants at(std::uint64_t, double rate) const {
    return {.rate = static_cast<float>(rate),
            .alpha = static_cast<float>(alpha),
            .added = static_cast<float>(1.0 - alpha),
            .epsilon = static_cast<float>(epsilon),
            .momentum = static_cast<float>(momentum),
            .decay = static_cast<float>(weight_decay),
            .centre = centered ? 1.0f : 0.0f};
  }

  MEDLEY_INLINE static Vec change(const Constants& constants, const Vec& theta, const Vec& gradient,
                                  std::array<Vec, 3>& state, bool decays) {
    const Vec alpha = Vec::broadcast(constants.alpha), added = Vec::broadcast(constants.added);
    const Vec g = fma(Vec::broadcast(decays ? constants.decay : 0.0f), theta, gradient);
    auto& [v, b, a] = state;
    v = fma(added * g, g, alpha * v);
    a = fma(added, g, alpha * a);
    const Vec spread = max(fnma(Vec::broadcast(constants.centre) * a, a, v), Vec::zero());
    const Vec step = g / (sqrt(spread) + Vec::broadcast(constants.epsilon));
    b = fma(Vec::broadcast(constants.momentum), b, step);
    return Vec::broadcast(-constants.rate) * b;
  }
};

}  // namespace medley
