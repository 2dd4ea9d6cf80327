// Blend of all losses whose shares are trained as if they were parameters of the network. It
// collapses onto the easier loss: what lowers the sum fastest is to give its weight to whatever is
// already low. It is here to be seen failing; trained_blend is the one to use.
//
//   p = softmax(θ),   w_k = a_k · K · p_k
//   θ_k ← θ_k - η p_k (K l'_k - Σ_j p_j K l'_j),   l'_k = a_k l_k
//
// over the K losses that take part, with the losses' own weights a. θ begins with 0, which is the
// weighted sum, and descends the mixed loss Σ_k w_k l_k at η, the group's learning rate times
// `rate`.
//
// Invariant to nothing. Price: one number a loss; one backward pass.
//
// PyTorch: theta = torch.nn.Parameter(torch.zeros(K)) in torch.optim.SGD beside the network's;
// (K * F.softmax(theta, 0) * a * l).sum().backward()
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct RawBlend {
  static constexpr std::string_view type = "raw_blend";
  static constexpr auto state = std::to_array<MixState>({{"theta"}});
  static constexpr int least_losses = 2;

  double rate = 1.0;  // learning rate of θ over the group's

  static constexpr auto options =
      std::to_array<MixOption<RawBlend>>({{"rate", &RawBlend::rate, 0.0, 1000.0}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;
};

static_assert(Mix<RawBlend>);

}  // namespace medley
