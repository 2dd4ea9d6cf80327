// `import --idx`: IDX files of pictures and targets become a dataset folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "medley/import/import.hpp"

namespace medley {

// Files of the same records in the same order: pictures, and each target by its name.
struct IdxFiles {
  std::filesystem::path images;
  std::map<std::string, std::filesystem::path, std::less<>> targets;
};

struct IdxRequest : ImportCommon {
  IdxFiles records;
  IdxFiles
      test;  // files of the test split, if images are named; the others' test share then trains
};

// Pictures are uint8: N x height x width of one channel, N x channels x height x width of several; other
// sizes are fitted. Targets: classes are integers, N (negative: not known); values N x size, or N where
// size is 1 (NaN: not known); masks uint8, N x height x width as the experiment's pictures (255: not
// known). Every record has its own place in the splits, by its number and the seed. Throws data_error
// naming file and record for whatever is not so, usage_error for targets without a file. Memory grows
// by some bytes a record, not with the pictures.
DatasetSummary import_idx(const IdxRequest& request);

}  // namespace medley
