// group b: mix blend cannot serve 0 losses; at least 2
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side, decay};
  static constexpr auto steps = simultaneous(group<"a", "kind", "side">(Adam{}),
                                             group<"b", "decay">(Adam{}).mixed_by(Blend{}));
};

}  // namespace medley::experiments
