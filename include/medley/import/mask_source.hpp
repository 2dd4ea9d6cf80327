// `import --masks`: pictures with mask pictures, and what a CSV file or folders say of them besides.
#pragma once

#include <algorithm>
#include <array>

#include "medley/import/csv_source.hpp"
#include "medley/import/import_source.hpp"

namespace medley {

struct MaskSource {
  static constexpr std::string_view option = "masks", noun = "pictures with mask pictures",
                                    names = "the folder of the masks";
  static constexpr auto takes = [] {
    constexpr auto others = std::to_array<std::string_view>({"csv", "images", "folders", "labels"});
    std::array<std::string_view, table_options.size() + others.size()> all;
    std::ranges::copy(others, std::ranges::copy(table_options, all.begin()).out);
    return all;
  }();
  static void describe(OptionsDescription& options);
  static MaskSource parse(const OptionValues& values, std::span<const TargetSpec> targets);
  DatasetSummary run(const ImportContext& context) const;

  ImportRequest request;
};

}  // namespace medley
