// Generator must be a Source that can be made without arguments
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Generator = int;
};

}  // namespace medley::experiments
