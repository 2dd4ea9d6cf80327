// the term named xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: a name has at most 40 characters
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms =
      std::tuple{term<"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "kind">(SoftmaxCrossEntropy{})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
