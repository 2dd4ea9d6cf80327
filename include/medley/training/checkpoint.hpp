// Checkpoints: everything that a training needs to go on as if it had never stopped, in one
// safetensors file.
//
//   tensors   trunk.0.weight, heads.colour.1.bias, … (F32, in the order of the frameworks)
//             optimizer.<group>.<moment>.<parameter>
//             input.mean, input.deviation   per channel, in units of 0..255
//   metadata  medley (version of the format), experiment, fingerprint, seed, step, epoch, batch,
//             updates.<group>, classes.<target> (names, one a line), log positions, checksum
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "medley/training/engine.hpp"

namespace medley {

struct Checkpoint {
  std::filesystem::path path;
  std::map<std::string, std::string> metadata;
  std::vector<float> mean, deviation;
  std::vector<std::vector<std::string>> class_names;  // one a target; empty where it has none
  Position position;
  std::uint64_t seed = 1;
};

// Reads a checkpoint of this experiment into the arena: parameters, and with `state` the moments too.
// Throws data_error naming file and reason (another experiment, other shapes, damage). A run folder
// stands for its `last` checkpoint.
Checkpoint load_checkpoint(const std::filesystem::path& file, const Description& description,
                           float* arena, bool state);

}  // namespace medley
