// Gradient normalization: weights that bring the lengths of the losses' gradients to a common one,
// longer for losses that lag behind,
//
//   w minimizes  Σ_k |w_k d_k - T_k|,   d_k = ‖∇l_k‖ over the trunk
//   T_k = mean_j(w_j d_j) · r_k^a,   r_k = (l_k / l_k(0)) / mean_j(l_j / l_j(0))
//
// over the losses that take part, T and d as constants. w begins with 1 and has an Adam with the
// learning rate `rate`; after each update no w is below 1e-3, and they are scaled to a sum of K.
// The losses' own weights multiply them. l_k(0) is the first value that the loss has.
//
// To scale a loss changes nothing once w has followed. Price: a backward pass of the trunk and a
// gradient of the trunk in memory for each loss; five numbers a loss.
//
// Source: Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
// Multitask Networks", ICML 2018, arXiv 1711.02257.
// PyTorch: (w * d - T.detach()).abs().sum().backward() in torch.optim.Adam([w], lr=0.025), then
// w *= K / w.sum()
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct GradNorm {
  static constexpr std::string_view type = "gradnorm";
  static constexpr MixNeeds needs{.gramian = true};
  static constexpr bool weighs_heads = true;
  // A weight of 0 is one that was never updated: 1.
  static constexpr auto state = std::to_array<MixState>(
      {{"weight"}, {"first_moment"}, {"second_moment"}, {"updates"}, {"first_value"}});
  static constexpr int least_losses = 2;

  double a = 1.5;  // how much longer the gradients of losses are that lag behind
  double rate = 0.025;

  static constexpr auto options = std::to_array<MixOption<GradNorm>>(
      {{"a", &GradNorm::a, 0.0, 100.0}, {"rate", &GradNorm::rate, 0.0, 1e3}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;
};

static_assert(Mix<GradNorm>);

}  // namespace medley
