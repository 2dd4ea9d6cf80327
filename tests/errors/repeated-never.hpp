// group all: .repeated(0) makes no update: at least 1
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = alternating(group<"all", "kind">(Adam{}).repeated(0));
};

}  // namespace medley::experiments
