// the term named `kind?5`: a name has letters, digits, _ and (not first) - alone, as it goes into file names, columns and options
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{term<"kind\n5", "kind">(SoftmaxCrossEntropy{})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
