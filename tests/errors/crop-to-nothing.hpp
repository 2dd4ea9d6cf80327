// recipe: augmentation.least_crop is 0; above 0 and at most 1
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Recipe recipe{.augmentation = {.least_crop = 0.0}};
};

}  // namespace medley::experiments
