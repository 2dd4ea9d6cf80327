// memory: slots is 65; from 1 to 64
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Memory memory{.slots = 65};
};

}  // namespace medley::experiments
