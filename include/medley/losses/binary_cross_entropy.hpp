// Binary cross-entropy with logits x against values t in [0, 1], positive weight w; mean over the
// head's channels:
//
//   l = w · t · softplus(-x) + (1 - t) · softplus(x),   softplus(x) = log(1 + e^x)
//   dl/dx = (1 - t) · sigmoid(x) - w · t · sigmoid(-x)
//
// PyTorch: torch.nn.BCEWithLogitsLoss(pos_weight=w)
// TensorFlow: tf.keras.losses.BinaryCrossentropy(from_logits=True), for w = 1;
//             tf.nn.weighted_cross_entropy_with_logits(pos_weight=w)
#pragma once

#include <algorithm>
#include <string_view>

#include "medley/losses/loss.hpp"

namespace medley {

struct BinaryCrossEntropy {
  static constexpr std::string_view type = "binary_cross_entropy";
  static constexpr Compares compares = Compares::values;
  static constexpr Outputs outputs = Outputs::sigmoid;

  double positive_weight = 1.0;

  constexpr bool valid(int channels) const { return channels >= 1 && positive_weight > 0.0; }

  template <class F>
  constexpr void options(F&& f) const {
    f("positive_weight", positive_weight);
  }

  // Where all targets are 1, if these weigh more.
  constexpr double guess(int) const { return std::max(1.0, positive_weight) * natural_log(2.0); }

  template <int C>
  float evaluate(const LossBlock<C>& block) const {
    const Vec zero = Vec::zero(), one = Vec::broadcast(1.0f);
    const Vec positive = Vec::broadcast(static_cast<float>(positive_weight));
    const Vec mean = Vec::broadcast(1.0f / C);
    Vec total = zero;
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Vec share = block.share(p) * mean;
      for (int c = 0; c < C; ++c) {
        const Vec x = block.logit(c, p), t = block.value(c, p);
        const Vec on = positive * t, off = one - t;
        const Vec small = exp(negate(abs(x)));
        const Vec rest = log1p(small);
        const Vec loss = on * (max(negate(x), zero) + rest) + off * (max(x, zero) + rest);
        total = fma(share, loss, total);
        if (block.gradient == nullptr) continue;

        const Vec larger = one / (one + small), smaller = small * larger;
        const Vec::Mask below = x < zero;
        const Vec p_on = select(below, smaller, larger), p_off = select(below, larger, smaller);
        block.add_gradient(c, p, share * (off * p_on - on * p_off));
      }
    }
    return sum(total);
  }
};

}  // namespace medley
