// Gradient surgery: of every loss's gradient, what points against another's is taken away, one
// after the other in an order drawn anew for each loss and step, and the results are added:
//
//   g_i' = g_i;  for j ≠ i in random order: if g_i'·g_j < 0:  g_i' ← g_i' - (g_i'·g_j / ‖g_j‖²) g_j
//   g = Σ_i K p_i g_i'
//
// with the preference p, so that it is their sum where the losses' own weights are equal. All of it is
// done on coefficients: g_i' = Σ_m c_m g_m, and with the Gramian G, g_i'·g_j = (G c)_j. The sum, not
// the mean: without conflicts w_k = K p_k. The direction without conflict for all losses is certain
// for two of them only. Which parts are taken away does not change where a loss is scaled; the length
// of its own part does.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss.
//
// Source: Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020, arXiv 2001.06782.
// PyTorch: torchjd.aggregation.PCGrad() where p_i = 1/K
#pragma once

#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct PcGrad {
  static constexpr std::string_view type = "pcgrad";
  static constexpr MixNeeds needs{.gramian = true};

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<PcGrad>);

}  // namespace medley
