// layer trunk.2 (conv) cannot take its input of 1x2x2 (channels x height x width): the kernel is larger than the picture with its padding
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Trunk = Sequence<MaxPool<8>, Relu, Conv<16, 5, 1, 0>>;
};

}  // namespace medley::experiments
