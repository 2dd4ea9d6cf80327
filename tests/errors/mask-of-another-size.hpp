// term outline: its head ends in 1x8x8 (channels x height x width), but a mask is as high and wide as the input, 16x16
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Heads = std::tuple<Head<"outline", Conv<1>>>;
  static constexpr auto terms = std::tuple{outline};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
