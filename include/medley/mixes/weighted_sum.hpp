// Weighted sum of the terms with their own weights:
//
//   l = Σ_k w_k · l_k
//
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

}  // namespace medley
