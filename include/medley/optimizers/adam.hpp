// Adam and AdamW with weight decay d; the step t counts from 1:
//
//   Adam:  g ← g + d θ,  D = 0               AdamW:  D = -rate · d · θ
//   m ← m + (1 - β1) (g - m)
//   v ← β2 v + (1 - β2) g²
//   Δ = D - rate / (1 - β1^t) · m / (√v / √(1 - β2^t) + ε)
//
// Sources: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; Loshchilov and
// Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
// PyTorch: torch.optim.Adam, torch.optim.AdamW
// TensorFlow: tf.keras.optimizers.Adam adds its ε, 1e-7 by default, before v is corrected.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "medley/base/exact_math.hpp"
#include "medley/optimizers/optimizer.hpp"

namespace medley {

// Whether weight decay passes through the moments (Adam) or acts on the weights alone (AdamW).
enum class Decay : std::uint8_t { coupled, decoupled };

template <Decay decay_kind>
struct AdamRule {
  static constexpr std::string_view type = decay_kind == Decay::coupled ? "adam" : "adamw";
  static constexpr std::array<std::string_view, 2> moments = {"first_moment", "second_moment"};

  double learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = decay_kind == Decay::coupled ? 0.0 : 0.01;

  struct Constants {
    float beta2, new1, new2;  // β2, 1 - β1, 1 - β2
    float rate, root;         // rate / (1 - β1^t), √(1 - β2^t)
    float epsilon, decay;     // coupled: d, decoupled: rate · d
  };

  constexpr bool valid() const {
    return learning_rate > 0.0 && beta1 >= 0.0 && beta1 < 1.0 && beta2 >= 0.0 && beta2 < 1.0 &&
           epsilon > 0.0 && weight_decay >= 0.0;
  }

  constexpr std::size_t kept_moments() const { return moments.size(); }

  template <class F>
  constexpr void options(F&& f) const {
    f("learning_rate", learning_rate);
    f("beta1", beta1);
    f("beta2", beta2);
    f("epsilon", epsilon);
    f("weight_decay", weight_decay);
  }

  Constants at(std::uint64_t step, double rate) const {
    const double correction1 = 1.0 - integer_power(beta1, step);
    const double correction2 = 1.0 - integer_power(beta2, step);
    const double decay = decay_kind == Decay::coupled ? weight_decay : rate * weight_decay;
    return {.beta2 = static_cast<float>(beta2),
            .new1 = static_cast<float>(1.0 - beta1),
            .new2 = static_cast<float>(1.0 - beta2),
            .rate = static_cast<float>(rate / correction1),
            .root = static_cast<float>(square_root(correction2)),
            .epsilon = static_cast<float>(epsilon),
            .decay = static_cast<float>(decay)};
  }

  MEDLEY_INLINE static Vec change(const Constants& constants, const Vec& theta, const Vec& gradient,
                                  std::array<Vec, 2>& state, bool decays) {
    const Vec decay = Vec::broadcast(decays ? constants.decay : 0.0f);
    const Vec g = decay_kind == Decay::coupled ? fma(decay, theta, gradient) : gradient;
    auto& [m, v] = state;
    m = fma(Vec::broadcast(constants.new1), g - m, m);
    v = fma(Vec::broadcast(constants.new2) * g, g, Vec::broadcast(constants.beta2) * v);
    const Vec denominator =
        sqrt(v) / Vec::broadcast(constants.root) + Vec::broadcast(constants.epsilon);
    const Vec step = Vec::broadcast(-constants.rate) * (m / denominator);
    return decay_kind == Decay::coupled ? step : fnma(decay, theta, step);
  }
};

using Adam = AdamRule<Decay::coupled>;
using AdamW = AdamRule<Decay::decoupled>;

}  // namespace medley
