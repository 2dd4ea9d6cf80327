// no layer of the network has parameters: there is nothing to train
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Trunk = Sequence<Relu>;
  using Heads = std::tuple<Head<"outline", Tanh>>;
  static constexpr auto terms = std::tuple{outline};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
