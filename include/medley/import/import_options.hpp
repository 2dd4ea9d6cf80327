// The options of `import`.
#pragma once

#include <optional>
#include <string>

#include "medley/base/arguments.hpp"
#include "medley/import/import_idx.hpp"

namespace medley {

struct ImportOptions {
  bool help = false;
  bool generated = false;  // the experiment's own pictures; of the request then out and force alone
  ImportRequest request;   // without shape and progress
  std::optional<IdxRequest> idx;  // the same of IDX files, where these are named
};

// Throws usage_error for what cannot be read or is missing. `has_generator`: --generated is there.
ImportOptions parse_import_options(const Arguments& arguments, std::span<const TargetSpec> targets,
                                   bool has_generator);

std::string import_help(bool has_generator);

}  // namespace medley
