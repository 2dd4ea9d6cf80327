// group b: mix uncertainty: rate is -1; from 0 to 1000
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
