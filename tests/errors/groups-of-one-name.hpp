// two groups are named all
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side};
  static constexpr auto steps =
      simultaneous(group<"all", "kind">(Adam{}), group<"all", "side">(Sgd{}));
};

}  // namespace medley::experiments
