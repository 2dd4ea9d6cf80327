// layer trunk.3 lacks output(shape), the shape of what it gives: see layers/layer.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Trunk = Sequence<Conv<16>, Relu, MaxPool<2>, Sgd>;
};

}  // namespace medley::experiments
