// term decay: its weight is inf; it must be finite, at most 1e30
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms =
      std::tuple{kind, penalty<"decay">(L2Penalty{}, std::numeric_limits<double>::infinity())};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
