// layer trunk.0 (conv) cannot take its input of 1x16x16 (channels x height x width): it needs at least one output channel
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Trunk = Sequence<Conv<0>>;
};

}  // namespace medley::experiments
