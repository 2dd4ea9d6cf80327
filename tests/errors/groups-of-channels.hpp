// layer trunk.1 (group_norm) cannot take its input of 18x16x16 (channels x height x width): the channels do not divide into the groups
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Trunk = Sequence<Conv<18>, GroupNorm<4>>;
};

}  // namespace medley::experiments
