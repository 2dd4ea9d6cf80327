// a group has no name
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = simultaneous(group<"", "kind">(Adam{}));
};

}  // namespace medley::experiments
