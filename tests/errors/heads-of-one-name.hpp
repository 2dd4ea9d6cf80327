// two heads are named kind
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Heads = std::tuple<Kind, Side, Head<"kind", Dense<5>>>;
  static constexpr auto terms = std::tuple{kind, side};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
