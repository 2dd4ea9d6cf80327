// term place: its head ends in 3x1x1 (channels x height x width), but target place has 2 values: give it as many channels
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Heads = std::tuple<Head<"place", Flatten, Dense<3>>>;
  static constexpr auto terms = std::tuple{place};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
