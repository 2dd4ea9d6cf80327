// Penalties on the weights w (not on biases nor normalization parameters); their λ is the term's
// weight:
//
//   L1Penalty: Σ |w|, derivative sign(w), 0 at 0     PyTorch: sum(w.abs().sum() for w in weights)
//   L2Penalty: Σ w²,  derivative 2 w                 PyTorch: sum(w.square().sum() for w in
//   weights)
//
// TensorFlow: tf.keras.regularizers.L1(λ), tf.keras.regularizers.L2(λ). Under plain SGD an L2 term
// of weight λ equals weight_decay = 2 λ.
#pragma once

#include <string_view>

#include "medley/losses/loss.hpp"

namespace medley {

struct L1Penalty {
  static constexpr std::string_view type = "l1_penalty";

  MEDLEY_INLINE static Vec value(const Vec& w) { return abs(w); }
  MEDLEY_INLINE static Vec derivative(const Vec& w) {
    const Vec zero = Vec::zero(), one = Vec::broadcast(1.0f);
    const Vec sign = select(w < zero, negate(one), select(zero < w, one, zero));
    return select(w == w, sign, w);  // NaN stays NaN
  }
};

struct L2Penalty {
  static constexpr std::string_view type = "l2_penalty";

  MEDLEY_INLINE static Vec value(const Vec& w) { return w * w; }
  MEDLEY_INLINE static Vec derivative(const Vec& w) { return w + w; }
};

}  // namespace medley
