// the target named `../kind`: a name has letters, digits, _ and (not first) - alone, as it goes into file names, columns and options
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto targets = std::to_array<TargetSpec>({{"../kind", TargetKind::classes, 5}});
  static constexpr auto terms = std::tuple{term<"kind", "kind", "../kind">(SoftmaxCrossEntropy{})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
