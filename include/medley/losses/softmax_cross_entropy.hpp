// Softmax cross-entropy with class weights w and label smoothing s; C classes, y the label:
//
//   l = (1 - s) · -log p_y  +  s / C · Σ_c (w_c / w_y) · -log p_c,   p = softmax(x)
//
// The mean over the batch weighs a record by w_y: Σ w_y l / Σ w_y. The coefficients of the block
// carry that (record_weight), which is why the smoothing part, to which every class adds its own
// weight, is divided by w_y here.
//
// Source: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016.
// PyTorch: torch.nn.CrossEntropyLoss(weight=w, label_smoothing=s)
// TensorFlow: tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), for w = 1, s = 0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "medley/base/sentence.hpp"
#include "medley/losses/softmax.hpp"

namespace medley {

// One positive number a class, in the order of the labels. Empty: every class weighs 1.
class ClassWeights {
 public:
  static constexpr int capacity = 256;  // more do not compile

  constexpr ClassWeights() = default;
  constexpr ClassWeights(std::initializer_list<double> weights) {
    for (const double w : weights) weight_[static_cast<std::size_t>(count_++)] = w;
  }
  constexpr int count() const { return count_; }
  constexpr double operator[](int label) const {
    return count_ == 0 ? 1.0 : weight_[static_cast<std::size_t>(label)];
  }

 private:
  std::array<double, capacity> weight_{};
  int count_ = 0;
};

struct SoftmaxCrossEntropy {
  static constexpr std::string_view type = "softmax_cross_entropy";
  static constexpr Compares compares = Compares::labels;
  static constexpr Outputs outputs = Outputs::softmax;

  double smoothing = 0.0;
  ClassWeights class_weights = {};

  constexpr bool valid(int channels) const {
    bool positive = true;
    for (int c = 0; c < class_weights.count(); ++c) positive = positive && class_weights[c] > 0.0;
    return channels >= 2 && smoothing >= 0.0 && smoothing < 1.0 && positive &&
           (class_weights.count() == 0 || class_weights.count() == channels);
  }

  template <class F>
  constexpr void options(F&& f) const {
    f("smoothing", smoothing);
    for (int c = 0; c < class_weights.count(); ++c) {
      f(Sentence{"class_weight.", c}.view(), class_weights[c]);
    }
  }

  constexpr double guess(int channels) const { return natural_log(channels); }

  constexpr float record_weight(std::int32_t label) const {
    return static_cast<float>(class_weights[label]);
  }

  template <int C>
  float evaluate(const LossBlock<C>& block) const {
    const Vec keep = Vec::broadcast(static_cast<float>(1.0 - smoothing));
    std::array<Vec, C> weight, spread;  // w_c and s / C · w_c
    Vec spread_total = Vec::zero();
    for (int c = 0; c < C; ++c) {
      weight[c] = Vec::broadcast(static_cast<float>(class_weights[c]));
      spread[c] = Vec::broadcast(static_cast<float>(smoothing * class_weights[c] / C));
      spread_total = spread_total + spread[c];
    }

    Vec total = Vec::zero();
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Vec label = block.label(p), share = block.share(p);
      const Softmax<C> soft(block, p);
      const Vec log_total = log(soft.total);
      Vec chosen = Vec::zero(), every = Vec::zero(), own = Vec::broadcast(1.0f);
      for (int c = 0; c < C; ++c) {
        const Vec::Mask hit = label == Vec::broadcast(static_cast<float>(c));
        const Vec surprise = log_total - (block.logit(c, p) - soft.highest);  // -log p_c
        chosen = select(hit, surprise, chosen);
        every = fma(spread[c], surprise, every);
        own = select(hit, weight[c], own);
      }
      total = fma(share, fma(keep, chosen, every / own), total);
      if (block.gradient == nullptr) continue;

      const Vec scale = (keep + spread_total / own) / soft.total;
      for (int c = 0; c < C; ++c) {
        const Vec::Mask hit = label == Vec::broadcast(static_cast<float>(c));
        const Vec target = select(hit, keep, Vec::zero()) + spread[c] / own;
        block.add_gradient(c, p, share * (soft.power[c] * scale - target));
      }
    }
    return sum(total);
  }
};

}  // namespace medley
