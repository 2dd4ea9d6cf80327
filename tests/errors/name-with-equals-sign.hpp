// the group named `a=b`: a name has letters, digits, _ and (not first) - alone, as it goes into file names, columns and options
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = simultaneous(group<"a=b", "kind">(Adam{}));
};

}  // namespace medley::experiments
