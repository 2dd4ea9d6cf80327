// group labels: mix constrained: limit is -1; from 1e-12 to 1e30
#pragma once

#include "medley/mixes/constrained.hpp"
#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Constrained mix = [] {
    Constrained constrained;
    constrained.limit[1] = -1.0;
    return constrained;
  }();
};

}  // namespace medley::experiments
