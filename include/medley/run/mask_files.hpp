// Predicted masks as files of a folder, one a record and head.
#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>

#include "medley/run/prediction.hpp"

namespace medley {

class MaskFiles {
 public:
  // Makes the folder. Throws io_error if it cannot. `heads`: how many write masks.
  MaskFiles(std::filesystem::path folder, std::ptrdiff_t heads);

  // Writes <record>.png, or <record>.<head>.png where there are several heads. Throws data_error if
  // another record's mask has that name, io_error if it cannot be written.
  void save(const std::string& record, const HeadPrediction& head, std::span<const float> output);

 private:
  std::filesystem::path folder_;
  std::ptrdiff_t heads_;
  std::set<std::string> names_;
};

}  // namespace medley
