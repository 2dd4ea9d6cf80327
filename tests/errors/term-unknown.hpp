// group all: there is no term sied; there are: kind, side
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto steps = simultaneous(group<"all", "kind", "sied">(Adam{}));
  static constexpr auto terms = std::tuple{kind, side};
};

}  // namespace medley::experiments
