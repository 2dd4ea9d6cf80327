// the head named `a.b`: a name has letters, digits, _ and (not first) - alone, as it goes into file names, columns and options
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  using Heads = std::tuple<Kind, Head<"a.b", Dense<5>>>;
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
