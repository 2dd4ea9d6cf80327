// Weighted sum of the terms with their own weights:
//
//   l = Σ_k w_k · l_k
//
// Tuned, they are hard to beat: Kurin et al., "In Defense of the Unitary Scalarization for Deep
// Multi-Task Learning", NeurIPS 2022; Xin et al., "Do Current Multi-Task Optimization Methods in
// Deep Learning Even Help?", NeurIPS 2022.
//
// Invariant to nothing. Price: one backward pass.
// PyTorch: (w1 * l1 + w2 * l2 + ...).backward()
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct WeightedSum {
  static constexpr std::string_view type = "weighted_sum";
  static constexpr bool is_constant = true;

  void weights(const MixStep& step, std::span<double> out) const {
    std::copy(step.own.begin(), step.own.end(), out.begin());
  }
};

static_assert(Mix<WeightedSum>);

}  // namespace medley
