// group labels: its mix lacks weights that follow from the losses' own alone, as is_constant promises: see mixes/mix.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Torn : WeightedSum {
  static constexpr MixNeeds needs{.gramian = true};
};

struct wrong : right {
  static constexpr Torn mix{};
};

}  // namespace medley::experiments
