// target outline: its size is 256, the number of classes; at least 2 and at most 255
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto targets = std::to_array<TargetSpec>({{"outline", TargetKind::mask, 256}});
  static constexpr auto terms = std::tuple{outline};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
