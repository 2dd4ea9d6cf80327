// group second: the numbers of sgd are not allowed: learning_rate -0.1, momentum 0, nesterov 0, weight_decay 0
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side};
  static constexpr auto steps = simultaneous(group<"first", "kind">(Adam{}),
                                             group<"second", "side">(Sgd{.learning_rate = -0.1}));
};

}  // namespace medley::experiments
