// `import --generated`: the records of the experiment's own generator.
#pragma once

#include <array>

#include "medley/import/import_source.hpp"

namespace medley {

struct GeneratedSource {
  static constexpr std::string_view option = "generated", noun = "", names = "";
  static constexpr bool needs_generator = true;
  static constexpr std::array<std::string_view, 0> takes{};
  static void describe(OptionsDescription& options);
  static GeneratedSource parse(const OptionValues& values, std::span<const TargetSpec> targets);
  DatasetSummary run(const ImportContext& context) const;

  ImportCommon request;
};

}  // namespace medley
