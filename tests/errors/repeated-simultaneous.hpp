// group all: .repeated(2) is for alternating steps alone
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = simultaneous(group<"all", "kind">(Adam{}).repeated(2));
};

}  // namespace medley::experiments
