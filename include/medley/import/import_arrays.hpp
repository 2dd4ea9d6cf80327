// `import --npy` and `import --tiff`: pictures in one array or in the pages of TIFF files, and arrays of
// their targets, become a dataset folder.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "medley/import/import.hpp"
#include "medley/import/picture_stack.hpp"

namespace medley {

struct ArraysRequest : ImportCommon {
  std::filesystem::path npy;                // a file, or FILE.npz:MEMBER
  std::vector<std::filesystem::path> tiff;  // instead
  ArrayLayout layout = ArrayLayout::automatic;
  bool pages_are_channels = false;                                       // of TIFF
  std::map<std::string, std::filesystem::path, std::less<>> targets_in;  // by the target's name
  std::filesystem::path
      split;  // 0, 1, 2 a record; empty: records are dealt by their number and the seed
};

// Pictures of any size are fitted. Targets: classes are whole numbers, N or N x 1 (negative or NaN: not
// known); values N x size, or N where size is 1 (NaN: not known); masks whole numbers, N x height x width as
// the experiment's pictures (255 or negative: not known). An array that is not named is the member of the
// archive that is called as the target, where the pictures come from one. Throws data_error naming file and
// record, usage_error for targets without an array. Memory grows by some bytes a record, and by what
// deflated arrays take.
DatasetSummary import_arrays(const ArraysRequest& request);

}  // namespace medley
