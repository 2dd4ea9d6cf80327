// Gradient vaccine: as gradient surgery, but every pair of losses has a cosine that it is to keep,
// the mean of what it had so far. Where a gradient's is below it, as much of the other is added as
// brings it there:
//
//   g_i' = g_i;  for j ≠ i in random order, with φ = cos(g_i', g_j) and the mean φ̂_ij:
//     if φ < φ̂_ij:  g_i' ← g_i' + ‖g_i'‖ (φ̂ √(1 - φ²) - φ √(1 - φ̂²)) / (‖g_j‖ √(1 - φ̂²)) · g_j
//     φ̂_ij ← (1 - β) φ̂_ij + β φ
//   g = Σ_i K p_i g_i'
//
// with the preference p, so that it is their sum where the losses' own weights are equal. φ̂ begins
// with 0 and is held at 0.99 at most (MixFlag::clamped). A pair of which one loss takes no part keeps
// its own. Nothing is promised of conflicts; cosines do not change where a loss is scaled, the length
// of its part does.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; a number
// a pair of losses that is kept.
//
// Source: Wang et al., "Gradient Vaccine: Investigating and Improving Multi-task Optimization in
// Massively Multilingual Models", ICLR 2021, arXiv 2010.05874.
// PyTorch: torchjd.aggregation.GradVac(beta, eps=0) where p_i = 1/K
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct GradVac {
  static constexpr std::string_view type = "gradvac";
  static constexpr MixNeeds needs{.gramian = true};
  static constexpr auto state = std::to_array<MixState>({{"cosine", 2}});

  double beta = 0.5;

  static constexpr auto options = std::to_array<MixOption<GradVac>>(
      {{.name = "beta", .number = &GradVac::beta, .least = 0.0, .most = 1.0}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;
};

static_assert(Mix<GradVac> && UpdatingMix<GradVac>);

}  // namespace medley
