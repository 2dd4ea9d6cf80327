// recipe: clip_norm is -1; it is a positive number, or 0: do not clip
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Recipe recipe{.clip_norm = -1.0};
};

}  // namespace medley::experiments
