// term decay is in the groups first and second: it can be in one alone
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side, decay};
  static constexpr auto steps =
      alternating(group<"first", "kind", "decay">(Adam{}), group<"second", "side", "decay">(Sgd{}));
};

}  // namespace medley::experiments
