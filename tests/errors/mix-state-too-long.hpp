// group labels: its mix lacks a shorter state: at most 8 names: see mixes/mix.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Hoarder : WeightedSum {
  static constexpr bool is_constant = false;
  static constexpr auto state =
      std::to_array<MixState>({{"a"}, {"b"}, {"c"}, {"d"}, {"e"}, {"f"}, {"g"}, {"h"}, {"i"}});
};

struct wrong : right {
  static constexpr auto mix = any_of(WeightedSum{}, Hoarder{});
};

}  // namespace medley::experiments
