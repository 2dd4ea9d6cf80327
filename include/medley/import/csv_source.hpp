// `import --csv`: pictures and a CSV file that describes them.
#pragma once

#include <array>

#include "medley/import/import_source.hpp"

namespace medley {

// The options of `import --csv` that all tables of pictures have.
inline constexpr auto table_options = std::to_array<std::string_view>(
    {"separator", "decimal", "image", "extension", "target", "split-by", "weight-column", "exclude",
     "min-count", "classes", "positive", "missing", "skip-bad", "split-fractions", "seed", "fit",
     "pixels", "range"});
void read_table_options(const OptionValues& values, std::span<const TargetSpec> targets,
                        ImportRequest& request);
// Tells what was skipped, what was decided, and how many `rows` there were.
DatasetSummary tell_table(ImportReport report, std::string_view rows, const ImportContext& context);

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
