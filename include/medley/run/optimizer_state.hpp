// Moments, counts of updates and what mixes keep, from another run's checkpoint: a new run with other
// learning rates, another schedule or other weights that need not begin its averages anew.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"

namespace medley {

struct StateReport {
  std::size_t tensors = 0;           // that were taken: moments and numbers of mixes
  std::vector<std::string> missing;  // not in the file: they begin at 0
  std::vector<std::string> other;    // of another shape or mix; they begin at 0 too
};

// Takes what fits by name and shape into the arena; and the count of updates of each group of which a
// moment fits, or that has none, into `position`, as averages are corrected by it. What a mix keeps
// is taken where the file's run had the same mix in that group. Throws data_error if the file holds
// no state of this experiment's optimizers.
StateReport load_matching_state(const std::filesystem::path& file, const Description& description,
                                float* arena, Position& position);

}  // namespace medley
