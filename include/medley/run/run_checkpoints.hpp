// Which checkpoints a run folder has, and which of them counts. `last` and `best` may be links, or
// after a journey through what knows no links: copies of the checkpoints, files that name them, or
// not there at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace medley {

// The step in the file name of a checkpoint; none for another file.
std::optional<std::uint64_t> step_of_checkpoint(const std::filesystem::path& file);

// The files RUN/checkpoints/step-NNNNNNNN.safetensors, whole or not, by rising step.
std::vector<std::filesystem::path> checkpoints_of(const std::filesystem::path& run);

// The file that a user's path stands for: a run folder for what its `last` is, or for the newest
// whole checkpoint where that is missing; a file that names a checkpoint for that checkpoint.
std::filesystem::path checkpoint_file(const std::filesystem::path& path);

// The checkpoint to go on from: the one that `last` names, else the newest whole one; an older one
// where the logs are shorter than it knows. What was left out, and why, is said on stderr. Empty
// where the run has no checkpoint. First, copies that stand in the places of `last` and `best` and
// are missing in checkpoints/ are put there. Throws data_error if there are checkpoints, but none
// to go on from.
std::filesystem::path checkpoint_to_resume(const std::filesystem::path& run);

}  // namespace medley
