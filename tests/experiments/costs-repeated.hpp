// Two groups in turn, the one with the small heads three times (see tests/bench/costs.hpp).
#pragma once

#include "tests/bench/costs.hpp"

namespace medley::experiments {

struct costs_repeated : costs::TwoGroups {
  static constexpr std::string_view name = "costs-repeated";
  static constexpr auto steps = alternating(labels.repeated(3), place);
};

}  // namespace medley::experiments
