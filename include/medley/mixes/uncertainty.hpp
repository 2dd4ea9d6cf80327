// Uncertainty weighting: every loss has a trained number s_k, the logarithm of the variance of its
// noise, and
//
//   w_k = a_k · h_k · e^-s_k,   s_k minimizes  h_k · e^-s_k · l_k + s_k / 2
//
// where a_k is the loss's own weight and h_k = 1 for losses on logits (likelihoods of classes), 1/2
// for others (likelihoods of values). s begins with 0, has an Adam of its own at the group's
// learning rate times `rate`, without weight decay, and stays between -10 and 10. For a loss that
// stands still s_k = log(2 h_k l_k), so that the weights follow a_k / (2 l_k): to scale a loss then
// changes nothing but how long s takes. A loss that has no label in a batch keeps its s and moments.
//
// Price: four numbers a loss; one backward pass, as for a weighted sum.
//
// Source: Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene
// Geometry and Semantics", CVPR 2018, arXiv 1705.07115.
// PyTorch: s = torch.nn.Parameter(torch.zeros(K)) in torch.optim.Adam beside the network's;
// (a * h * torch.exp(-s) * l + s / 2).sum().backward() where a = 1
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "medley/base/exact_math.hpp"
#include "medley/mixes/mix.hpp"

namespace medley {

struct Uncertainty {
  static constexpr std::string_view type = "uncertainty";
  static constexpr std::string_view usage =
      "rate: learning rate of the logarithms of variances over the group's, from 0 to 1000";
  static constexpr auto state =
      std::to_array<MixState>({{"log_variance"}, {"first_moment"}, {"second_moment"}, {"updates"}});

  double rate = 1.0;

  constexpr bool valid(int losses) const { return losses >= 1 && allows(rate); }

  template <class F>
  constexpr void options(F&& f) const {
    f("rate", rate);
  }

  bool set(std::string_view name, double value) {
    if (name != "rate" || !allows(value)) return false;
    rate = value;
    return true;
  }

  void weights(const MixStep& step, std::span<double> out) const {
    for (std::size_t k = 0; k < step.losses(); ++k) out[k] = step.own[k] * precision(step, k);
  }

  void update(const MixStep& step) const {
    const auto [s, m, v, updates] =
        std::array{step.state[0], step.state[1], step.state[2], step.state[3]};
    for (std::size_t k = 0; k < step.losses(); ++k) {
      if (!step.present[k]) continue;
      const double gradient = 0.5 - precision(step, k) * step.values[k];
      m[k] = beta1 * m[k] + (1.0 - beta1) * gradient;
      v[k] = beta2 * v[k] + (1.0 - beta2) * gradient * gradient;
      updates[k] += 1.0;
      const double mean = m[k] / (1.0 - power(beta1, updates[k]));
      const double square = v[k] / (1.0 - power(beta2, updates[k]));
      s[k] -= step.rate * rate * mean / (square_root(square) + epsilon);
      s[k] = std::clamp(s[k], -largest, largest);
    }
  }

 private:
  static constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, largest = 10.0;

  static constexpr bool allows(double value) { return value >= 0.0 && value <= 1000.0; }

  static double power(double x, double count) {
    return integer_power(x, static_cast<std::uint64_t>(count));
  }

  // h_k · e^-s_k
  static double precision(const MixStep& step, std::size_t k) {
    const Outputs outputs = step.outputs[k];
    const bool classes = outputs == Outputs::sigmoid || outputs == Outputs::softmax;
    return (classes ? 1.0 : 0.5) * exponential(-step.state[0][k]);
  }
};

static_assert(Mix<Uncertainty>);

}  // namespace medley
