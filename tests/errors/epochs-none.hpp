// recipe: epochs is 0; at least 1
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Recipe recipe{.epochs = 0};
};

}  // namespace medley::experiments
