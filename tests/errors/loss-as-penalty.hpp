// term decay: its penalty lacks value(w), which returns a Vec: see losses/loss.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, penalty<"decay">(BinaryCrossEntropy{}, 1.0)};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
