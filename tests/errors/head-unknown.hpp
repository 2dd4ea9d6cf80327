// term kind: there is no head knid; there are: kind, side, place, outline
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{term<"kind", "knid", "kind">(SoftmaxCrossEntropy{})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
