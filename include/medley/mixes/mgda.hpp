// MGDA: the convex combination of the gradients that is shortest, after scaling them:
//
//   g = Σ_k α_k g_k / γ_k,   α = argmin { ‖g‖ : α ≥ 0, Σ_k α_k = 1 }
//
// `normalize` says what γ_k is: none 1, l2 the gradient's norm ‖g_k‖, loss the loss's value l_k (at
// least 1e-8 of the largest), loss+ l_k ‖g_k‖. So w_k = α_k / γ_k. All losses fall along g, none
// less than by ‖g‖² of what is scaled, and those with a weight by just that; g is zero
// (MixFlag::stationary) where no direction is downhill for all. With none, the smallest gradients
// decide, and a loss with a large one may have no weight at all; with l2, the direction does not
// change where a loss is scaled. Two losses: w_1 = (G_22 - G_12) / (G_11 + G_22 - 2 G_12), held
// between 0 and 1. It knows no preference.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; a small
// quadratic program.
//
// Source: Désidéri, "Multiple-gradient descent algorithm (MGDA) for multiobjective optimization",
// Comptes Rendus Mathématique 350, 2012; Sener and Koltun, "Multi-Task Learning as Multi-Objective
// Optimization", NeurIPS 2018, arXiv 1810.04650, with the normalizations.
// PyTorch: torchjd.aggregation.MGDA(), whose 100 steps of Frank and Wolfe stop before the shortest
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Mgda {
  static constexpr std::string_view type = "mgda";
  static constexpr MixNeeds needs{.values = true, .gramian = true};
  static constexpr auto normalizations =
      std::to_array<std::string_view>({"none", "l2", "loss", "loss+"});

  int normalize = 0;

  static constexpr auto options = std::to_array<MixOption<Mgda>>(
      {{.name = "normalize", .choice = &Mgda::normalize, .names = normalizations}});

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<Mgda>);

}  // namespace medley
