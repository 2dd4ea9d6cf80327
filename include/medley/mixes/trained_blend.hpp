// Blend of all losses whose shares p are trained, and kept from the easiest loss by a barrier:
//
//   p minimizes  Σ_k p_k l_k - τ Σ_k log p_k  where Σ p = 1:   p_k = τ / (l_k + ν)
//   w_k = a_k · K · p_k
//
// over the K losses that take part, with the losses' own weights a. It is solved in every step, so
// that it needs no learning rate: ν is between what makes the largest p 1 and what makes it 1 / K,
// and halving that 60 times finds it. τ is `barrier` times the mean of the losses, each a running
// mean (β = 0.9). A large barrier makes the weights equal; with a small one they go to the smallest
// loss, but at p_k >= τ / (K τ + l_k - min l) none is lost. Without the barrier: raw_blend.
//
// Invariant to one factor on all losses. Price: one backward pass, for which the losses' values are
// needed first; two numbers a loss.
//
// Source of the barrier: Boyd and Vandenberghe, "Convex Optimization", 2004, chapter 11.
// PyTorch: none; nu = scipy.optimize.brentq(lambda nu: (tau / (l + nu)).sum() - 1, ...)
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct TrainedBlend {
  static constexpr std::string_view type = "trained_blend";
  static constexpr MixNeeds needs{.values = true};
  static constexpr auto state = std::to_array<MixState>({{"average"}, {"steps"}});
  static constexpr int least_losses = 2;

  double barrier = 1.0;

  static constexpr auto options =
      std::to_array<MixOption<TrainedBlend>>({{"barrier", &TrainedBlend::barrier, 1e-6, 1e6}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;
};

static_assert(Mix<TrainedBlend>);

}  // namespace medley
