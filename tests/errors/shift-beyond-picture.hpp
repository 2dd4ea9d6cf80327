// recipe: augmentation.shift is 16; at least 0 and less than the picture's height and width
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Recipe recipe{.augmentation = {.shift = 16}};
};

}  // namespace medley::experiments
