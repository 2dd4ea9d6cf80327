// UPGrad: every loss's gradient is made to conflict with none, by projecting it onto the directions
// along which no loss rises, and the results are averaged:
//
//   g = Σ_k p_k · argmin { ‖d - g_k‖ : g_jᵀd ≥ 0 for all j }
//
// with the preference p, which is 1/K where the losses' own weights are equal. No loss rises along
// g (but for about 1e-5 of a norm where gradients are dependent, see projection.hpp). Scaling a
// loss scales its own part of g, so that g is linear in it. Without conflicts w = p. Half of the sum
// of PCGrad for two losses, where w_k = ½ (1 - G_12 / G_kk) in conflict.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; K small
// quadratic programs.
//
// Source: Quinton and Rey, "Jacobian Descent for Multi-Objective Optimization", 2024, arXiv
// 2406.16232.
// PyTorch: torchjd.aggregation.UPGrad(pref_vector=p), which adds 1e-4 to the Gramian's diagonal, so
// that small conflicts remain, and takes the mean where gradients are below 1e-2
#pragma once

#include <span>
#include <string_view>

#include "medley/mixes/active.hpp"
#include "medley/mixes/mix.hpp"

namespace medley {

struct UpGrad {
  static constexpr std::string_view type = "upgrad";
  static constexpr MixNeeds needs{.gramian = true};

  void weights(const MixStep& step, std::span<double> out) const;
};

// The rule, for `combine`.
bool project_each(const MixStep& step, const ActiveLosses& losses, SmallVector& w);

static_assert(Mix<UpGrad>);

}  // namespace medley
