// Hinge losses with margin m. At the kink the derivative is 0, as in PyTorch.
//
// Hinge, of C classes with label y:
//
//   l = 1/C · Σ_{j≠y} max(0, m - x_y + x_j)
//
// Source: Weston and Watkins, "Multi-class support vector machines", 1998.
// PyTorch: torch.nn.MultiMarginLoss(p=1, margin=m)
//
// BinaryHinge, against values t of 0 and 1; mean over the head's channels:
//
//   l = max(0, m - (2t - 1) · x)
//
// TensorFlow: tf.keras.losses.Hinge(), for m = 1
// PyTorch: torch.clamp(m - (2 * t - 1) * x, min=0).mean()
#pragma once

#include <string_view>

#include "medley/losses/loss.hpp"

namespace medley {

struct Hinge {
  static constexpr std::string_view type = "hinge";
  static constexpr Compares compares = Compares::labels;
  static constexpr Outputs outputs = Outputs::margins;

  double margin = 1.0;

  constexpr bool valid(int channels) const { return channels >= 2 && margin > 0.0; }

  template <class F>
  constexpr void options(F&& f) const {
    f("margin", margin);
  }

  constexpr double guess(int channels) const { return margin * (channels - 1) / channels; }

  template <int C>
  float evaluate(const LossBlock<C>& block) const {
    const Vec zero = Vec::zero(), one = Vec::broadcast(1.0f), mean = Vec::broadcast(1.0f / C);
    Vec total = zero;
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Vec label = block.label(p), share = block.share(p) * mean;
      Vec chosen = zero;
      for (int c = 0; c < C; ++c) chosen = select(is(label, c), block.logit(c, p), chosen);
      const Vec offset = Vec::broadcast(static_cast<float>(margin)) - chosen;

      Vec loss = zero, violations = zero;
      for (int c = 0; c < C; ++c) {
        const Vec excess = select(is(label, c), zero, offset + block.logit(c, p));
        loss = loss + max(excess, zero);
        violations = violations + select(zero < excess, one, zero);
      }
      total = fma(share, loss, total);
      if (block.gradient == nullptr) continue;

      for (int c = 0; c < C; ++c) {
        const Vec violates = select(zero < offset + block.logit(c, p), one, zero);
        block.add_gradient(c, p, share * select(is(label, c), negate(violations), violates));
      }
    }
    return sum(total);
  }

 private:
  MEDLEY_INLINE static Vec::Mask is(const Vec& label, int c) {
    return label == Vec::broadcast(static_cast<float>(c));
  }
};

struct BinaryHinge {
  static constexpr std::string_view type = "binary_hinge";
  static constexpr Compares compares = Compares::values;
  static constexpr Outputs outputs = Outputs::margins;

  double margin = 1.0;

  constexpr bool valid(int channels) const { return channels >= 1 && margin > 0.0; }

  template <class F>
  constexpr void options(F&& f) const {
    f("margin", margin);
  }

  constexpr double guess(int) const { return margin; }

  template <int C>
  float evaluate(const LossBlock<C>& block) const {
    const Vec zero = Vec::zero(), one = Vec::broadcast(1.0f), mean = Vec::broadcast(1.0f / C);
    Vec total = zero;
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Vec share = block.share(p) * mean;
      for (int c = 0; c < C; ++c) {
        const Vec t = block.value(c, p), sign = t + t - one;
        const Vec excess =
            fnma(sign, block.logit(c, p), Vec::broadcast(static_cast<float>(margin)));
        total = fma(share, max(excess, zero), total);
        if (block.gradient == nullptr) continue;
        block.add_gradient(c, p, share * select(zero < excess, negate(sign), zero));
      }
    }
    return sum(total);
  }
};

}  // namespace medley
