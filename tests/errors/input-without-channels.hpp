// input is 0x16x16: channels, height and width are positive
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Shape input{0, 16, 16};
};

}  // namespace medley::experiments
