// LeNet with an optimizer for each head's loss, in turn.
#pragma once

#include "tests/experiments/lenet.hpp"

namespace medley::experiments {

struct lenet_alternating : lenet {
  static constexpr std::string_view name = "lenet-alternating";
  static constexpr auto steps =
      alternating(group<"first", "digit", "decay">(Adam{.learning_rate = 1e-3}),
                  group<"second", "side">(Adam{.learning_rate = 5e-4}));
};

}  // namespace medley::experiments
