// LeNet with an optimizer for each head's loss, both stepping at once.
#pragma once

#include "tests/experiments/lenet.hpp"

namespace medley::experiments {

struct lenet_simultaneous : lenet {
  static constexpr std::string_view name = "lenet-simultaneous";
  static constexpr auto steps =
      simultaneous(group<"first", "digit", "decay">(Adam{.learning_rate = 1e-3}),
                   group<"second", "side">(Adam{.learning_rate = 5e-4}));
};

}  // namespace medley::experiments
