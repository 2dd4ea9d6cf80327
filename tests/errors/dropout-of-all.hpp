// layer trunk.1 (dropout) cannot take its input of 8x16x16 (channels x height x width): the percentage is from 0 to 99
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Trunk = Sequence<Conv<8>, Dropout<100>>;
};

}  // namespace medley::experiments
