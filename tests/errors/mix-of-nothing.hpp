// mix is any_of() of nothing: list at least one
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto mix = any_of();
};

}  // namespace medley::experiments
