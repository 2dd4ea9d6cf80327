// group all: the numbers of sgd are not allowed: learning_rate inf, momentum 0, nesterov 0, weight_decay 0
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps =
      joint(Sgd{.learning_rate = std::numeric_limits<double>::infinity()});
};

}  // namespace medley::experiments
