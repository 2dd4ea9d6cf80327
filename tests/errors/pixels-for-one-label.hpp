// term kind: its head ends in 5x8x8 (channels x height x width), but its target is no mask: a dense layer or global average pooling gives one pixel
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Heads = std::tuple<Head<"kind", Conv<5>>>;
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
