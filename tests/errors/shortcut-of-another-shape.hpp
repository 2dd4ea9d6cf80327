// layer trunk.1 (add) cannot take its input of 16x16x16 and 8x16x16 (channels x height x width): main path and shortcut must give the same shape
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Trunk = Sequence<Conv<8>, Residual<Sequence<Conv<16>, Relu>>>;
};

}  // namespace medley::experiments
