// steps: joint is listed twice
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto steps = any_of(joint(Adam{}), right::steps, joint(Sgd{}));
};

}  // namespace medley::experiments
