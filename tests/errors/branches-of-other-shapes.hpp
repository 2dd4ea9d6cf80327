// layer trunk.0 (concat) cannot take its input of 4x16x16 and 1x8x8 (channels x height x width): all branches must give pictures of the same height and width
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Trunk = Sequence<Concat<Conv<4>, MaxPool<2>>>;
};

}  // namespace medley::experiments
