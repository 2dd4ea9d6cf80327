// CAGrad: near the weighted mean of the gradients, the direction along which the loss that falls
// least falls most:
//
//   g = argmax { min_k g_kᵀd : ‖d - g_0‖ ≤ c ‖g_0‖ } / (1 + c²),   g_0 = Σ_k p_k g_k
//
// with the preference p, which is 1/K where the losses' own weights are equal. With c = 0 it is g_0;
// for c < 1 it still minimizes Σ_k p_k l_k, and where no direction helps all losses it is g_0 over
// 1 + c²; for c ≥ 1 no loss rises along g, as with MGDA, which it tends to. `rescale=none` leaves out
// the divisor. It hangs on the losses' scales.
//
// It is found by bisection: for a least gain s, the nearest d to g_0 with g_kᵀd ≥ s is a projection.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; up to 80
// small quadratic programs.
//
// Source: Liu et al., "Conflict-Averse Gradient Descent for Multi-task Learning", NeurIPS 2021, arXiv
// 2110.14048, with the divisor of its program.
// PyTorch: torchjd.aggregation.CAGrad(c), without the divisor; it stops training where gradients are
// below 1e-2 or no direction helps all losses
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct CaGrad {
  static constexpr std::string_view type = "cagrad";
  static constexpr MixNeeds needs{.gramian = true};
  static constexpr auto divisors = std::to_array<std::string_view>({"square", "none"});

  double c = 0.4;
  int rescale = 0;

  static constexpr auto options = std::to_array<MixOption<CaGrad>>(
      {{.name = "c", .number = &CaGrad::c, .least = 0.0, .most = 10.0},
       {.name = "rescale", .choice = &CaGrad::rescale, .names = divisors}});

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<CaGrad>);

}  // namespace medley
