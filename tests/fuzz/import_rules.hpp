// What holds of what the options of `import` ask for: for each source a function.
#pragma once

#include <numeric>

#include "medley/import/import_options.hpp"
#include "tests/fuzz/experiment.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace medley::fuzz {

inline bool is_target(std::string_view name) {
  for (const TargetSpec& target : targets) {
    if (target.name == name) return true;
  }
  return false;
}

inline void check_common(const ImportCommon& request) {
  require(!request.out.empty(), "a folder to write is named");
  require(std::accumulate(request.fractions.begin(), request.fractions.end(), 0u) == 1'000'000 &&
              request.fractions[0] > 0,
          "the fractions sum to 1, and training has some");
}

inline void check_table(const ImportRequest& request) {
  require(!request.image_column.empty(), "the column of the pictures is named");
  for (const auto& [name, columns] : request.columns)
    require(is_target(name) && !columns.empty(), "columns are of the experiment's targets");
  for (const auto& [name, classes] : request.classes)
    require(is_target(name) && !classes.empty(), "classes are of the experiment's targets");
  for (const auto& [name, text] : request.positive)
    require(is_target(name) && !text.empty(), "positive classes are of the experiment's targets");
  require(request.separator != '"' && request.separator != '\n', "what separates is neither");
  require(request.decimal == 0 || request.decimal == '.' || request.decimal == ',',
          "a decimal mark is a point or a comma");
  for (const auto& [column, value] : request.excludes)
    require(!column.empty(), "an exclusion names a column");
}

inline void check_own(const CsvSource& source) {
  require(!source.request.csv.empty() && !source.request.images.empty(), "what is read is named");
  check_table(source.request);
}

inline void check_own(const FoldersSource& source) {
  require(!source.request.folders.empty(), "what is read is named");
  check_table(source.request);
}

inline void check_own(const IdxSource& source) {
  require(!source.request.records.images.empty(), "what is read is named");
  require(source.request.test.targets.empty() || !source.request.test.images.empty(),
          "targets of the test split have pictures");
}

inline void check_own(const CifarSource& source) {
  require(!source.request.files.empty(), "what is read is named");
  for (const auto& [name, label] : source.request.columns)
    require(is_target(name), "labels are of the experiment's targets");
}

inline void check_own(const MaskSource& source) {
  const ImportRequest& request = source.request;
  require(!request.masks.targets.empty(), "there are masks");
  for (const auto& [name, files] : request.masks.targets)
    require(is_target(name) && !files.folder.empty(), "masks are of the experiment's targets");
  require(!request.csv.empty() || !request.folders.empty(), "pictures are named");
}

inline void check_own(const NpySource& source) {
  require(!source.request.npy.empty() && source.request.tiff.empty(), "what is read is named");
  for (const auto& [name, file] : source.request.targets_in)
    require(is_target(name), "arrays are of the experiment's targets");
}

inline void check_own(const TiffSource& source) {
  require(!source.request.tiff.empty() && source.request.npy.empty(), "what is read is named");
}

inline void check_own(const GeneratedSource&) {}

}  // namespace medley::fuzz
