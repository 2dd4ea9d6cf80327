// Two groups at once (see tests/bench/costs.hpp).
#pragma once

#include "tests/bench/costs.hpp"

namespace medley::experiments {

struct costs_simultaneous : costs::TwoGroups {
  static constexpr std::string_view name = "costs-simultaneous";
  static constexpr auto steps = simultaneous(labels, place);
};

}  // namespace medley::experiments
