// Auto-Lambda: weights λ under which a step lowers the losses of the validation split most,
//
//   w_k = a_k · λ_k,   ∂λ_k = ∂/∂λ_k L(θ - η Σ_j λ_j g_j) = -η ⟨g_k, ∇L(θ - η g)⟩
//
// with the losses' own weights a, L their sum over a batch of the validation split, η the group's
// learning rate and g the mixed gradient, without penalties; products are over the trunk. (What the
// source takes by finite differences of second derivatives is this product.) λ begins with
// `initial`, has an Adam with the learning rate `rate`, and does not go below 0. A loss whose
// gradient points as the validation's does gains.
//
// Invariant to nothing. Price: a backward pass of the trunk and a gradient of the trunk in memory
// for each loss; a step ahead, and a forward and backward pass of a validation batch there; four
// numbers a loss. The validation split is learned from then: what chooses between runs must be
// another.
//
// Source: Liu et al., "Auto-Lambda: Disentangling Dynamic Task Relationships", TMLR 2022,
// arXiv 2202.03091.
// PyTorch: lam.grad = -eta * torch.stack([(g_k * v).sum() for g_k in g]) in
// torch.optim.Adam([lam], lr=1e-4), v the gradient of L at the parameters ahead
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct AutoLambda {
  static constexpr std::string_view type = "auto_lambda";
  static constexpr MixNeeds needs{.validation = true};
  static constexpr auto state = std::to_array<MixState>(
      {{"change"}, {"first_moment"}, {"second_moment"}, {"updates"}});  // change: λ - initial
  static constexpr int least_losses = 2;

  double initial = 0.1;
  double rate = 1e-4;

  static constexpr auto options = std::to_array<MixOption<AutoLambda>>(
      {{"initial", &AutoLambda::initial, 0.0, 1e3}, {"rate", &AutoLambda::rate, 0.0, 1e3}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;
};

static_assert(Mix<AutoLambda>);

}  // namespace medley
