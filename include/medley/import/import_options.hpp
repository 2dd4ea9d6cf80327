// The options of `import`, over all its sources.
#pragma once

#include <string>
#include <variant>

#include "medley/base/arguments.hpp"
#include "medley/import/arrays_source.hpp"
#include "medley/import/cifar_source.hpp"
#include "medley/import/csv_source.hpp"
#include "medley/import/folders_source.hpp"
#include "medley/import/generated_source.hpp"
#include "medley/import/idx_source.hpp"
#include "medley/import/mask_source.hpp"

namespace medley {

// The list: the last one that is chosen by its option counts, the first one where none is.
using ImportSource = std::variant<CsvSource, FoldersSource, MaskSource, IdxSource, CifarSource,
                                  NpySource, TiffSource, GeneratedSource>;

struct ImportOptions {
  bool help = false;
  ImportSource source;  // its request without shape and progress
};

// Throws usage_error for what cannot be read or is missing. `has_generator`: --generated is there.
ImportOptions parse_import_options(const Arguments& arguments, std::span<const TargetSpec> targets,
                                   bool has_generator);

std::string import_help(bool has_generator);

}  // namespace medley
