// Fast adaptive multitask optimization: weights under which all losses fall at the same relative
// rate, learned from how each has just fallen,
//
//   w_k = a_k · (z_k / D_k) / Σ_j (z_j / D_j),   z = softmax(ξ),   D = l + 1e-8
//   δ = log D before the step - log D after it, on the same batch
//   ∂ξ = (diag z - z zᵀ) δ + γ ξ, into an Adam with the learning rate `rate`
//
// over the losses that take part, with the losses' own weights a; without those Σ w = 1. ξ begins
// with 0. (Of γ, reference implementations have 1e-5, 1e-3 and 1e-2.) Losses are taken to begin at
// 0; one that is all but there takes all the weight.
//
// To scale a loss changes the length of the step alone. Price: four numbers a loss; one backward
// pass, for which the losses' values are needed first, and a forward pass after the step.
//
// Source: Liu et al., "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023, arXiv 2306.03792.
// PyTorch: ((z / D).detach() / (z / D).sum().detach() * l).sum().backward(), then xi.grad as above
// in torch.optim.Adam([xi], lr=0.025, weight_decay=gamma)
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Famo {
  static constexpr std::string_view type = "famo";
  static constexpr MixNeeds needs{.values = true, .values_after = true};
  static constexpr auto state =
      std::to_array<MixState>({{"xi"}, {"first_moment"}, {"second_moment"}, {"updates"}});
  static constexpr int least_losses = 2;

  double rate = 0.025;
  double gamma = 1e-3;

  static constexpr auto options = std::to_array<MixOption<Famo>>(
      {{"rate", &Famo::rate, 0.0, 1e3}, {"gamma", &Famo::gamma, 0.0, 1e3}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;
};

static_assert(Mix<Famo>);

}  // namespace medley
