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
  // Makes the folder. Throws io_error if it cannot. `heads`: how many write masks. `again`: a record
  // may come again, and its mask takes the place of the one before.
  MaskFiles(std::filesystem::path folder, std::ptrdiff_t heads, bool again);

  // Writes <record>.png, or <record>.<head>.png where there are several heads; returns the file.
  // Throws data_error if another record's mask has that name, io_error if it cannot be written.
  std::string save(std::string_view record, const HeadPrediction& head, int height, int width,
                   std::span<const std::uint8_t> mask);

 private:
  std::filesystem::path folder_;
  std::ptrdiff_t heads_;
  bool again_;
  std::set<std::string> names_;
};

}  // namespace medley
