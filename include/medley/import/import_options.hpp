// The options of `import`.
#pragma once

#include <string>

#include "medley/base/arguments.hpp"
#include "medley/import/import.hpp"

namespace medley {

struct ImportOptions {
  bool help = false;
  bool generated = false;  // the experiment's own pictures; of the request then out and force alone
  ImportRequest request;   // without shape and progress
};

// Throws usage_error for what cannot be read or is missing. `has_generator`: --generated is there.
ImportOptions parse_import_options(const Arguments& arguments, std::span<const TargetSpec> targets,
                                   bool has_generator);

std::string import_help(bool has_generator);

}  // namespace medley
