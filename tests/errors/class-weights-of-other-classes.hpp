// term kind: the numbers of softmax_cross_entropy are not allowed for 5 channels: smoothing 0, class_weight.0 1, class_weight.1 2
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{.class_weights = {1.0, 2.0}})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
