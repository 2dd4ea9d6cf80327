// SDMGrad without its sampling: between the weighted sum g_0 = Σ_k p_k g_k and MGDA,
//
//   g = (g_α + λ g_0) / (1 + λ),   α = argmin { ‖Σ_k α_k g_k + λ g_0‖ : α ≥ 0, Σ_k α_k = 1 }
//
// so that w_k = (α_k + λ p_k) / (1 + λ), with sum 1. Of all steps within a bound it is the one that
// serves the loss that gains least, of each its gain along g and λ times the sum's: λ = 0 is MGDA,
// and the larger λ, the nearer is g to g_0. As Σα = 1, it is MGDA of the gradients g_k + λ g_0. What
// every loss gains is promised of the two together, so that a loss may rise where λ > 0.
// MixFlag::stationary is raised where g is zero.
//
// The method draws three batches a step, so that the noise of one does not bend the choice by another,
// and takes some steps of descent on α; here one batch gives G, as in the other rules, and α is the
// minimum.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; a small
// quadratic program.
//
// Source: Xiao, Ban and Ji, "Direction-oriented Multi-objective Learning: Simple and Provable
// Stochastic Algorithms", NeurIPS 2023, arXiv 2305.18409; λ is 0.3 in LibMTL.
// PyTorch: h = jacobian + λ * g_0; torchjd.aggregation.MGDA()(h) / (1 + λ)
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct SdmGrad {
  static constexpr std::string_view type = "sdmgrad";
  static constexpr MixNeeds needs{.gramian = true};

  double lambda = 0.3;

  static constexpr auto options = std::to_array<MixOption<SdmGrad>>(
      {{.name = "lambda", .number = &SdmGrad::lambda, .least = 0.0, .most = 100.0}});

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<SdmGrad>);

}  // namespace medley
