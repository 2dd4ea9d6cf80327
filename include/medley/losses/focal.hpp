// Focal losses: cross-entropy in which records that are told well already count less, by the power γ
// of what their target lacks of certainty. With γ = 0 they are the cross-entropies.
//
// Focal, of C classes with label y, p = softmax(x), α_y one number a class:
//
//   l = α_y · u^γ · s,   u = 1 - p_y,  s = -log p_y
//   dl/dx_c = α_y · u^γ · (1 + γ s p_y / u) · (p_c - [c = y])
//
// The mean over the batch counts every record once, so that α changes the value too (other than the
// class weights of SoftmaxCrossEntropy).
//
// BinaryFocal, of values t in [0, 1], p = sigmoid(x); mean over the head's channels:
//
//   l = α_t · m^γ · s,   m = t (1 - p) + (1 - t) p,   α_t = t α + (1 - t) (1 - α)
//   s = t · softplus(-x) + (1 - t) · softplus(x)
//   dl/dx = α_t · m^γ · (p - t + γ s (1 - 2t) p (1 - p) / m)
//
// A negative α is no balance: α_t = 1.
//
// Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, arXiv 1708.02002.
// PyTorch: torchvision.ops.sigmoid_focal_loss(alpha=α, gamma=γ, reduction="mean"); of classes
// s = F.cross_entropy(x, y, reduction="none"); (alpha[y] * (1 - torch.exp(-s)) ** gamma * s).mean()
// TensorFlow: tf.keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, from_logits=True),
//             CategoricalFocalCrossentropy(alpha=1, from_logits=True)
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "medley/losses/softmax.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"

namespace medley {

// u^γ for u in [0, 1]. Below the least normal number u is taken for that.
struct FocalPower {
  Vec base, value;

  MEDLEY_INLINE FocalPower(const Vec& u, double gamma)
      : base(max(u, Vec::broadcast(0x1p-126f))),
        value(exp(Vec::broadcast(static_cast<float>(gamma)) * log(base))) {}
};

// What is left of a record's weight at a guess that gives its target this probability.
constexpr double focal_guess(double probability, double gamma) {
  return exponential(gamma * natural_log(1.0 - probability)) * -natural_log(probability);
}

struct Focal {
  static constexpr std::string_view type = "focal";
  static constexpr Compares compares = Compares::labels;
  static constexpr Outputs outputs = Outputs::softmax;

  double gamma = 2.0;
  ClassWeights alpha = {};

  constexpr bool valid(int channels) const {
    bool positive = true;
    for (int c = 0; c < alpha.count(); ++c) positive = positive && alpha[c] > 0.0;
    return channels >= 2 && gamma >= 0.0 && gamma <= 10.0 && positive &&
           (alpha.count() == 0 || alpha.count() == channels);
  }

  template <class F>
  constexpr void options(F&& f) const {
    f("gamma", gamma);
    for (int c = 0; c < alpha.count(); ++c) f(Sentence{"alpha.", c}.view(), alpha[c]);
  }

  // Where all records are of the class that weighs most.
  constexpr double guess(int channels) const {
    double most = alpha[0];
    for (int c = 1; c < alpha.count(); ++c) most = std::max(most, alpha[c]);
    return most * focal_guess(1.0 / channels, gamma);
  }

  template <int C>
  float evaluate(const LossBlock<C>& block) const {
    const Vec zero = Vec::zero(), one = Vec::broadcast(1.0f);
    const Vec focus = Vec::broadcast(static_cast<float>(gamma));
    Vec total = zero;
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Vec label = block.label(p);
      const Softmax<C> soft(block, p);
      // The others' share is added up, not taken from 1, so that it keeps its digits when it is small.
      Vec own = zero, others = zero, surprise = zero, weight = one;
      const Vec log_total = log(soft.total);
      for (int c = 0; c < C; ++c) {
        const Vec::Mask hit = label == Vec::broadcast(static_cast<float>(c));
        own = select(hit, soft.power[c], own);
        others = others + select(hit, zero, soft.power[c]);
        surprise = select(hit, log_total - (block.logit(c, p) - soft.highest), surprise);
        weight = select(hit, Vec::broadcast(static_cast<float>(alpha[c])), weight);
      }
      const Vec share = block.share(p) * weight;
      const FocalPower power(others / soft.total, gamma);
      total = fma(share, power.value * surprise, total);
      if (block.gradient == nullptr) continue;

      const Vec steeper = fma(focus * surprise, own / soft.total / power.base, one);
      const Vec scale = share * power.value * steeper / soft.total;
      for (int c = 0; c < C; ++c) {
        const Vec::Mask hit = label == Vec::broadcast(static_cast<float>(c));
        block.add_gradient(c, p, scale * select(hit, negate(others), soft.power[c]));
      }
    }
    return sum(total);
  }
};

struct BinaryFocal {
  static constexpr std::string_view type = "binary_focal";
  static constexpr Compares compares = Compares::values;
  static constexpr Outputs outputs = Outputs::sigmoid;

  double gamma = 2.0;
  double alpha = 0.25;  // below 0: none

  constexpr bool valid(int channels) const {
    return channels >= 1 && gamma >= 0.0 && gamma <= 10.0 && alpha <= 1.0;
  }

  template <class F>
  constexpr void options(F&& f) const {
    f("gamma", gamma);
    f("alpha", alpha);
  }

  // Where all targets are those that weigh more.
  constexpr double guess(int) const {
    return (alpha < 0.0 ? 1.0 : std::max(alpha, 1.0 - alpha)) * focal_guess(0.5, gamma);
  }

  template <int C>
  float evaluate(const LossBlock<C>& block) const {
    const Vec zero = Vec::zero(), one = Vec::broadcast(1.0f);
    const Vec weight_on = Vec::broadcast(static_cast<float>(alpha < 0.0 ? 1.0 : alpha));
    const Vec weight_off = Vec::broadcast(static_cast<float>(alpha < 0.0 ? 1.0 : 1.0 - alpha));
    const Vec focus = Vec::broadcast(static_cast<float>(gamma));
    const Vec mean = Vec::broadcast(1.0f / C);
    Vec total = zero;
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Vec share = block.share(p) * mean;
      for (int c = 0; c < C; ++c) {
        const Vec x = block.logit(c, p), on = block.value(c, p), off = one - on;
        const Vec small = exp(negate(abs(x)));
        const Vec rest = log1p(small);
        const Vec surprise = on * (max(negate(x), zero) + rest) + off * (max(x, zero) + rest);
        const Vec larger = one / (one + small), smaller = small * larger;
        const Vec::Mask below = x < zero;
        const Vec p_on = select(below, smaller, larger), p_off = select(below, larger, smaller);
        const FocalPower power(fma(on, p_off, off * p_on), gamma);
        const Vec scale = share * fma(on, weight_on, off * weight_off) * power.value;
        total = fma(scale, surprise, total);
        if (block.gradient == nullptr) continue;

        const Vec turn = focus * surprise * (off - on) * (p_on * (p_off / power.base));
        block.add_gradient(c, p, scale * (off * p_on - on * p_off + turn));
      }
    }
    return sum(total);
  }
};

}  // namespace medley
