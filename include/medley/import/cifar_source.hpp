// `import --cifar`: the binary files of CIFAR-10 and CIFAR-100.
#pragma once

#include <array>

#include "medley/import/import_cifar.hpp"
#include "medley/import/import_source.hpp"

namespace medley {

struct CifarSource {
  static constexpr std::string_view option = "cifar", noun = "binary files of CIFAR",
                                    names = "the files of the pictures, or their folder";
  static constexpr auto takes = std::to_array<std::string_view>(
      {"target", "split-fractions", "seed", "fit", "pixels", "range"});
  static void describe(OptionsDescription& options);
  static CifarSource parse(const OptionValues& values, std::span<const TargetSpec> targets);
  DatasetSummary run(const ImportContext& context) const;

  CifarRequest request;
};

}  // namespace medley
