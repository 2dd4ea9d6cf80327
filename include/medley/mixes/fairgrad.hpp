// FairGrad, and Nash-MTL, which it is at α = 1: the positive weights with
//
//   (Gw)_k = K p_k · w_k^(-1/α)
//
// with the preference p, so that the right is w_k^(-1/α) where the losses' own weights are equal. At
// α = 1 it is the bargain of Nash: of all directions in a ball, the one with the largest product of
// the losses' gains, each to the power of p_k. Larger α gives more to the losses that gain little,
// smaller α tends to the weighted sum. All losses fall along g. At α = 1 the direction does not change
// where a loss is scaled, and ‖g‖ = √K always: steps do not become shorter near an optimum. Where no
// direction is downhill for all losses (zero is a convex combination of the gradients, or is within
// 1e-6 of one of their unit vectors), MixFlag::stationary is raised and weights are 0.
//
// Two losses at α = 1: w_k = 1 / (‖g_k‖ √(1 + C_12)) with the cosine C_12.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; some
// steps of Newton's method in K numbers.
//
// Source: Navon et al., "Multi-Task Learning as a Bargaining Game", ICML 2022, arXiv 2202.01017; Ban
// and Ji, "Fair Resource Allocation in Multi-Task Learning", ICML 2024, arXiv 2402.15638.
// PyTorch: torchjd.aggregation.FairGrad(alpha). torchjd.aggregation.NashMTL solves a sequence of
// approximations, and keeps old weights where its solver fails
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct FairGrad {
  static constexpr std::string_view type = "fairgrad";
  static constexpr MixNeeds needs{.gramian = true};

  double alpha = 1.0;

  static constexpr auto options = std::to_array<MixOption<FairGrad>>(
      {{.name = "alpha", .number = &FairGrad::alpha, .least = 0.5, .most = 10.0}});

  void weights(const MixStep& step, std::span<double> out) const;
};

// FairGrad at α = 1.
struct Nash {
  static constexpr std::string_view type = "nash";
  static constexpr MixNeeds needs{.gramian = true};

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<FairGrad> && Mix<Nash>);

}  // namespace medley
