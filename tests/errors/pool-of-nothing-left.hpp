// layer heads.kind.3 (max_pool) cannot take its input of 16x1x1 (channels x height x width): the window is larger than the picture with its padding
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Heads = std::tuple<Head<"kind", MaxPool<2>, MaxPool<2>, MaxPool<2>, MaxPool<2>, Dense<5>>>;
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
