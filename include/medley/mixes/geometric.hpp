// Geometric loss strategy: the geometric mean of the losses, weighted by the preference p,
//
//   l = Π_k l_k^p_k,   w_k = l · p_k / l_k
//
// over the losses that take part; with equal preference p_k = 1 / K. The weights are those of
// log_sum times l / Σ a, the losses' own weights a, and have its bound: a thousand times the
// median. To scale a loss changes the length of the step alone, and not its direction.
//
// Price: one backward pass, for which the losses' values are needed first.
//
// Source: Chennupati et al., "MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss
// Strategy for Multi-Task Learning", CVPR Workshops 2019, arXiv 1904.08492.
// PyTorch: torch.exp((p * torch.log(l)).sum()).backward()
#pragma once

#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Geometric {
  static constexpr std::string_view type = "geometric";
  static constexpr MixNeeds needs{.values = true};

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<Geometric>);

}  // namespace medley
