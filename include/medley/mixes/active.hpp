// The losses that a Gramian mix combines in a step, and their Gramian in a form that does not hang
// on the losses' units.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

#include "medley/base/exact_math.hpp"
#include "medley/mixes/small.hpp"

namespace medley {

// G_ij = d_i d_j C_ij: norms d and cosines C of `count` gradients.
struct ScaledGramian {
  std::size_t count = 0;
  SmallVector norm = small_vector(0.0);
  SmallMatrix cosine = small_matrix(0.0);

  double operator()(std::size_t i, std::size_t j) const { return norm(i) * norm(j) * cosine(i, j); }
  // (Gw)_i, g_i's inner product with Σ_k w_k g_k
  double along(std::size_t i, const SmallVector& w) const {
    double sum = 0.0;
    for (std::size_t k = 0; k < count; ++k) sum += cosine(i, k) * (norm(k) * w(k));
    return norm(i) * sum;
  }
  // wᵀGw, the square of that sum's norm; not below zero
  double square(const SmallVector& w) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < count; ++i) sum += w(i) * along(i, w);
    return sum > 0.0 ? sum : 0.0;
  }
};

// The present losses of a step, but those whose gradient is zero or below 1e-12 of the largest: for
// them no direction is downhill, so that MixFlag::stationary is raised and they get no weight. All
// per-loss numbers are gathered: number i is of the step's loss `loss[i]`.
struct ActiveLosses {
  explicit ActiveLosses(const MixStep& step);

  std::size_t count = 0;
  std::array<std::size_t, most_losses> loss{};
  SmallVector preference = small_vector(0.0);  // p over these losses, with sum 1
  ScaledGramian gramian;                       // the largest norm is 1
  double largest_norm = 0.0;  // what it is in truth; 0, where all gradients are zero

  // count · p: one for every loss without a preference
  double share(std::size_t i) const { return static_cast<double>(count) * preference(i); }
  // Whether a weight is above a thousand times the largest preference.
  bool is_large(const SmallVector& w) const;
  void scatter(const SmallVector& w, std::span<double> out) const;
};

// The weights of a rule for two losses or more, rule(losses, w): w comes with the preference, and
// where the rule answers false or something that is not finite (MixFlag::no_solution), these are the
// weights. A loss alone has weight 1; where no loss has a gradient, weights are the preference.
template <class Rule>
void combine(const MixStep& step, std::span<double> out, Rule&& rule) {
  const ActiveLosses losses(step);
  SmallVector w = losses.preference;
  if (losses.count > 1 && losses.largest_norm > 0.0) {
    bool answered = rule(losses, w);
    for (std::size_t i = 0; answered && i < losses.count; ++i) {
      if (is_finite(w(i))) continue;
      step.flag(MixFlag::no_solution);
      answered = false;
    }
    if (!answered) w = losses.preference;
  }
  losses.scatter(w, out);
}

}  // namespace medley
