// this must be a static constexpr member or a type of the experiment: auto steps = joint(...), simultaneous(...) or alternating(...)
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto steps = Adam{};
};

}  // namespace medley::experiments
