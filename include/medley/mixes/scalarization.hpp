// What rules for weights on losses share: functions of the losses that take part in a step, and
// numbers that rest while a loss does not.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "medley/base/exact_math.hpp"
#include "medley/mixes/mix.hpp"

namespace medley {

using LossNumbers = std::array<double, most_losses>;

// A loss where a rule divides by it or takes its logarithm. Losses begin at 0.
constexpr double positive_loss(double value) { return std::max(value, 0.0) + 1e-12; }

// e^x, with x brought into the range where that is a normal number.
constexpr double bounded_exponential(double x) { return exponential(std::clamp(x, -700.0, 700.0)); }

// e^x_k / Σ_j e^x_j over the losses that take part; 0 for the others.
LossNumbers softmax(std::span<const bool> present, const LossNumbers& x);

// w_k = a_k / l_k with the losses' own weights a, none above a thousand times the median (of two in
// the middle, the lower), which is flagged.
void inverse_losses(const MixStep& step, std::span<double> out);

// Running mean of a number that each loss has when it takes part, with weights β, β², ... on what
// lies back, so that the first ones count in full:
//
//   m ← β m + (1 - β) x,   mean = m / (1 - β^n)
class LossMeans {
 public:
  // `sums` and `counts` are what the mix keeps, one a loss.
  constexpr LossMeans(std::span<double> sums, std::span<double> counts, double beta)
      : sums_(sums), counts_(counts), beta_(beta) {}

  bool known(std::size_t k) const { return counts_[k] > 0.0; }
  void add(std::size_t k, double x) const {
    sums_[k] = beta_ * sums_[k] + (1.0 - beta_) * x;
    counts_[k] += 1.0;
  }
  double mean(std::size_t k) const {
    return sums_[k] / (1.0 - integer_power(beta_, static_cast<std::uint64_t>(counts_[k])));
  }

 private:
  std::span<double> sums_, counts_;
  double beta_;
};

// Adam on one number a loss, with the betas 0.9 and 0.999 and ε = 1e-8. PyTorch: torch.optim.Adam
class LossAdam {
 public:
  // Three of what the mix keeps, from `first` on: both moments and the counts of updates.
  LossAdam(const MixStep& step, std::size_t first)
      : m_(step.state[first]), v_(step.state[first + 1]), updates_(step.state[first + 2]) {}

  // What to take away from the number, over the learning rate.
  double descent(std::size_t k, double gradient) const;

 private:
  std::span<double> m_, v_, updates_;
};

}  // namespace medley
