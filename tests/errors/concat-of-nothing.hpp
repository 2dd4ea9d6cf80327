// layer trunk.0: Concat<> has no branches
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Trunk = Sequence<Concat<>>;
};

}  // namespace medley::experiments
