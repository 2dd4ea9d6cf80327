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
  static constexpr std::string_view usage = "no numbers of its own; see --weight term=value";

  constexpr bool valid(int) const { return true; }

  template <class F>
  constexpr void options(F&&) const {}

  bool set(std::string_view, double) { return false; }

  void weights(std::span<const double> own, std::span<double> out) const {
    std::copy(own.begin(), own.end(), out.begin());
  }
};

}  // namespace medley
