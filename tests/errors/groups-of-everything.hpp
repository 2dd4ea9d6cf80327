// term kind is in the groups first and second: it can be in one alone
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side};
  static constexpr auto steps = simultaneous(group<"first">(Adam{}), group<"second">(Sgd{}));
};

}  // namespace medley::experiments
