// `import --idx`: files such as MNIST's.
#pragma once

#include <array>

#include "medley/import/import_idx.hpp"
#include "medley/import/import_source.hpp"

namespace medley {

struct IdxSource {
  static constexpr std::string_view option = "idx", noun = "IDX files",
                                    names = "the file of the pictures";
  static constexpr auto takes = std::to_array<std::string_view>({"split-fractions", "seed", "fit"});
  static void describe(OptionsDescription& options);
  static IdxSource parse(const OptionValues& values, std::span<const TargetSpec> targets);
  DatasetSummary run(const ImportContext& context) const;

  IdxRequest request;
};

}  // namespace medley
