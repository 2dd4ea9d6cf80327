// group labels: mix blend is listed twice
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto mix = any_of(Blend{}, WeightedSum{}, Blend{.a = 0.25});
};

}  // namespace medley::experiments
