// Dual projection: the weighted mean of the gradients, projected onto the directions along which no
// loss rises:
//
//   g = argmin { ‖d - Σ_k p_k g_k‖ : g_jᵀd ≥ 0 for all j }
//
// with the preference p, which is 1/K where the losses' own weights are equal. No loss rises along
// g (but for about 1e-5 of a norm where gradients are dependent, see projection.hpp). Without
// conflicts w = p. It hangs on the losses' scales as a weighted sum does.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; a small
// quadratic program.
//
// Source: Lopez-Paz and Ranzato, "Gradient Episodic Memory for Continual Learning", NeurIPS 2017,
// arXiv 1706.08840, there for the gradient of one loss.
// PyTorch: torchjd.aggregation.DualProj(pref_vector=p), which adds 1e-4 to the Gramian's diagonal, so
// that small conflicts remain, and takes the mean where gradients are below 1e-2
#pragma once

#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct DualProjection {
  static constexpr std::string_view type = "dual_projection";
  static constexpr MixNeeds needs{.gramian = true};

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<DualProjection>);

}  // namespace medley
