// `import --csv`: pictures and a CSV file that describes them.
#pragma once

#include <array>

#include "medley/import/import_source.hpp"

namespace medley {

struct CsvSource {
  static constexpr std::string_view option = "csv", noun = "pictures and a CSV file",
                                    names = "the file of the rows";
  static constexpr auto takes =
      std::to_array<std::string_view>({"split-fractions", "seed", "fit", "pixels", "range"});
  static void describe(OptionsDescription& options);
  static CsvSource parse(const OptionValues& values, std::span<const TargetSpec> targets);
  DatasetSummary run(const ImportContext& context) const;

  ImportRequest request;
};

}  // namespace medley
