// group labels: its mix lacks a smaller state: at most 592 numbers of 16 losses: see mixes/mix.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Hoarder : WeightedSum {
  static constexpr bool is_constant = false;
  static constexpr auto state = std::to_array<MixState>(
      {{"a", 2}, {"b", 2}, {"c", 1}, {"d", 1}, {"e", 1}, {"f", 1}, {"g", 2}});
};

struct wrong : right {
  static constexpr Hoarder mix{};
};

}  // namespace medley::experiments
