// recipe: batch_size is 0; at least 1
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Recipe recipe{.batch_size = 0};
};

}  // namespace medley::experiments
