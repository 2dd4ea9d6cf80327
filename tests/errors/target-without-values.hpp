// target place: its size is 0, the number of values; at least 1
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto targets = std::to_array<TargetSpec>(
      {{"kind", TargetKind::classes, 5}, {"place", TargetKind::values, 0}});
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
