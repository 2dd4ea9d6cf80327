// The second group of costs-alternating alone (see tests/bench/costs.hpp).
#pragma once

#include "tests/bench/costs.hpp"

namespace medley::experiments {

struct costs_place : costs::Base {
  static constexpr std::string_view name = "costs-place";
  static constexpr auto targets = std::to_array<TargetSpec>({{"place", TargetKind::values, 2}});
  using Heads = std::tuple<PlaceHead>;
  static constexpr auto terms = std::tuple{term<"place">(MeanSquaredError{}, 2.0)};
  static constexpr auto steps = joint(adam);
};

}  // namespace medley::experiments
