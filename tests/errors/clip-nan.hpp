// recipe: clip_norm is nan; it is a positive number, or 0: do not clip
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Recipe recipe{.clip_norm = std::numeric_limits<double>::quiet_NaN()};
};

}  // namespace medley::experiments
