// term side: soft_iou needs a mask as its target, and side is none
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{term<"side">(SoftIou{})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
