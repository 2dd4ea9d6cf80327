// Priority-constrained descent, for a main loss, the group's first, and auxiliary ones: as near to
// the main gradient as can be, while every auxiliary loss falls by a share τ of what a step along its
// own gradient would give. With ĝ_k = g_k / √v_k, where v_k is the mean of ‖g_k‖² so far, an
// exponential one of decay `beta` with each loss's own correction of its start:
//
//   d = argmin { ‖d - ĝ_1‖ : ĝ_jᵀd ≥ τ ‖ĝ_j‖² for j ≥ 2 },   g = d · ‖g_1‖ / ‖d‖
//
// To scale an auxiliary loss changes nothing, to scale the main loss scales g. Where the bounds cannot
// be had together, MixFlag::infeasible is raised and g = g_1. Where the main loss takes no part,
// MixFlag::no_main is raised and the others are combined as UPGrad does. It knows no other preference.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; two
// numbers a loss that are kept; a small quadratic program.
//
// Source: "Not All Objectives Are Born Equal: Priority-Constrained Descent for Hierarchical
// Multi-Objective Optimization", TMLR 2026, arXiv 2606.29521.
// PyTorch: torchjd.aggregation.PCD(tau, beta, eps=0)
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Pcd {
  static constexpr std::string_view type = "pcd";
  static constexpr MixNeeds needs{.gramian = true};
  static constexpr auto state = std::to_array<MixState>({{"mean_square"}, {"updates"}});
  static constexpr int least_losses = 2;

  double tau = 0.02;
  double beta = 0.999;

  static constexpr auto options = std::to_array<MixOption<Pcd>>(
      {{.name = "tau", .number = &Pcd::tau, .least = 0.0, .most = 1.0},
       {.name = "beta", .number = &Pcd::beta, .least = 0.0, .most = 0.999999}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;
};

static_assert(Mix<Pcd> && UpdatingMix<Pcd>);

}  // namespace medley
