// Two groups in turn, on one batch a round (see tests/bench/costs.hpp).
#pragma once

#include "tests/bench/costs.hpp"

namespace medley::experiments {

struct costs_alternating : costs::TwoGroups {
  static constexpr std::string_view name = "costs-alternating";
  static constexpr auto steps = alternating(labels, place);
};

}  // namespace medley::experiments
