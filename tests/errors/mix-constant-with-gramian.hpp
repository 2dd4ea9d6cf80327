// the mix lacks weights(step, out), as it needs a Gramian or keeps a state: see mixes/mix.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Torn : WeightedSum {
  static constexpr bool needs_gramian = true;
};

struct wrong : right {
  static constexpr Torn mix{};
};

}  // namespace medley::experiments
