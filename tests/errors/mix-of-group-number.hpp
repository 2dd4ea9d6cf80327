// group b: mix uncertainty (rate: learning rate of the logarithms of variances over the group's, from 0 to 1000) cannot serve 1 loss: rate -1
#pragma once

#include "medley/mixes/uncertainty.hpp"
#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side, decay};
  static constexpr auto steps =
      simultaneous(group<"a", "kind", "decay">(Adam{}),
                   group<"b", "side">(Adam{}).mixed_by(Uncertainty{.rate = -1.0}));
};

}  // namespace medley::experiments
