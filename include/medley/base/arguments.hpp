// What stands behind a subcommand on the command line.
#pragma once

#include <string>
#include <vector>

namespace medley {

using Arguments = std::vector<std::string>;

}  // namespace medley
