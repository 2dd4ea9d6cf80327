// two targets are named kind
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 5},
                                                             {"side", TargetKind::classes, 2},
                                                             {"kind", TargetKind::classes, 5}});
  static constexpr auto terms = std::tuple{kind, side};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
