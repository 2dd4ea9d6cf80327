// target kind: its size is 1, the number of classes; at least 2
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 1}});
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
