// term kind: this is a penalty<...>, no term<...>; as a loss it lacks compares, its kind of target: see losses/loss.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{term<"kind">(L2Penalty{})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
