// group labels: its mix lacks a smaller type: at most 256 bytes: see mixes/mix.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Wide : WeightedSum {
  std::array<double, 40> numbers{};
};

struct wrong : right {
  static constexpr Wide mix{};
};

}  // namespace medley::experiments
