// term kind: the numbers of softmax_cross_entropy are not allowed for 5 channels: smoothing 1.5
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{term<"kind">(SoftmaxCrossEntropy{.smoothing = 1.5})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
