// `import --masks`: pictures with mask pictures.
#pragma once

#include <array>

#include "medley/import/import_source.hpp"

namespace medley {

struct MaskSource {
  static constexpr std::string_view option = "masks", noun = "pictures with mask pictures",
                                    names = "the folder of the masks";
  static constexpr auto takes = std::to_array<std::string_view>(
      {"split-fractions", "seed", "fit", "images", "skip-bad", "pixels", "range"});
  static void describe(OptionsDescription& options);
  static MaskSource parse(const OptionValues& values, std::span<const TargetSpec> targets);
  DatasetSummary run(const ImportContext& context) const;

  ImportRequest request;
};

}  // namespace medley
