// Heads is a std::tuple of Head<...>, but its element 1 (from 0) is something else
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Heads = std::tuple<Kind, Dense<5>>;
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
