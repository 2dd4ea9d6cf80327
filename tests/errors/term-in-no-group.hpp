// term place is in no group; there are: first, second
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side, place};
  static constexpr auto steps =
      simultaneous(group<"first", "kind">(Adam{}), group<"second", "side">(Sgd{}));
};

}  // namespace medley::experiments
