// two terms are named kind
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side, term<"kind", "side">(BinaryCrossEntropy{})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
