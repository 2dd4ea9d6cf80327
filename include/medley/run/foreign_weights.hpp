// Weights that another network or another framework saved.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/experiment/description.hpp"
#include "medley/files/safetensors.hpp"

namespace medley {

// What `--init` found.
struct InitReport {
  std::vector<std::string> loaded;
  std::vector<std::string> missing, unused;  // with their shapes, to tell what was renamed
  std::vector<std::string> other_shape;  // with both shapes, or with the type if that is no float
  std::string prefix;  // what stands before all of this network's names in the file; mostly nothing
};
// Copies the tensors that match a parameter by name and shape into the arena, whatever wrote the
// file. Names in the file are those of this network after `prefix`; tensors without it are unused.
// Throws data_error naming file and tensor if a value is not finite.
InitReport load_matching(const std::filesystem::path& file, const Description& description,
                         float* arena, std::string_view prefix = {});

// What the file puts before the names of parameters, such as "module." of a model that several
// devices trained; empty if some parameter is there by its own name, or none is by another.
std::string name_prefix(const SafetensorsFile& file, const Description& description);

// What a message says of a prefix that keeps all names of a file from matching, such as `module.`
// (DataParallel), `model.` (a module around the network), `_orig_mod.` (torch.compile).
std::string prefix_note(std::string_view prefix);

// What another framework saved may have diverged there: throws data_error naming file and tensor if
// one of these values of it is not finite.
void require_finite(const SafetensorsFile& file, std::string_view name,
                    std::span<const float> values);

}  // namespace medley
