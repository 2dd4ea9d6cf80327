// `import --folders`: a folder a class, or pictures and a CSV file of what is known of them.
#pragma once

#include "medley/import/csv_source.hpp"
#include "medley/import/import_source.hpp"

namespace medley {

struct FoldersSource {
  static constexpr std::string_view option = "folders", noun = "folders of pictures",
                                    names = "the folder of the pictures";
  static constexpr auto takes = table_options;
  static void describe(OptionsDescription& options);
  static FoldersSource parse(const OptionValues& values, std::span<const TargetSpec> targets);
  DatasetSummary run(const ImportContext& context) const;

  ImportRequest request;
};

}  // namespace medley
