// term kind: its weight is nan; it must be finite, at most 1e30
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{}, std::numeric_limits<double>::quiet_NaN())};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
