// term kind: its head ends in 4x1x1 (channels x height x width), but target kind has 5 classes: give it as many channels
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Heads = std::tuple<Head<"kind", Flatten, Dense<4>>>;
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
