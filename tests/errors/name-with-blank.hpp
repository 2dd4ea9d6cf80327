// the experiment named `my experiment`: a name has letters, digits, _ and (not first) - alone, as it goes into file names, columns and options
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr std::string_view name = "my experiment";
};

}  // namespace medley::experiments
