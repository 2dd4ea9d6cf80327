// group all: mix blend cannot serve 1 loss; at least 2
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, decay};
  static constexpr auto steps = joint(Adam{});
  static constexpr Blend mix{.a = 0.25};
};

}  // namespace medley::experiments
