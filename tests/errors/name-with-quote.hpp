// the term named `"kind"`: a name has letters, digits, _ and (not first) - alone, as it goes into file names, columns and options
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{term<"\"kind\"", "kind">(SoftmaxCrossEntropy{})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
