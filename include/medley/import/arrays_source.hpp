// `import --npy` and `import --tiff`: pictures in one array, or in the pages of TIFF files.
#pragma once

#include <array>

#include "medley/import/import_arrays.hpp"
#include "medley/import/import_source.hpp"

namespace medley {

struct NpySource {
  static constexpr std::string_view option = "npy", noun = "arrays of NumPy",
                                    names = "the array of the pictures";
  static constexpr auto takes =
      std::to_array<std::string_view>({"split-fractions", "seed", "fit", "pixels", "range"});
  static void describe(OptionsDescription& options);
  static NpySource parse(const OptionValues& values, std::span<const TargetSpec> targets);
  DatasetSummary run(const ImportContext& context) const;

  ArraysRequest request;
};

struct TiffSource {
  static constexpr std::string_view option = "tiff", noun = "pages of TIFF files",
                                    names = "the files of the pictures";
  static constexpr auto takes = std::to_array<std::string_view>(
      {"split-fractions", "seed", "fit", "pixels", "range", "npy-labels", "npy-split"});
  static void describe(OptionsDescription& options);
  static TiffSource parse(const OptionValues& values, std::span<const TargetSpec> targets);
  DatasetSummary run(const ImportContext& context) const;

  ArraysRequest request;
};

}  // namespace medley
