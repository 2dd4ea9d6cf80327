// group first: it names term kind twice
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side};
  static constexpr auto steps = simultaneous(group<"first", "kind", "side", "kind">(Adam{}));
};

}  // namespace medley::experiments
