// Parts of a description as summaries and pages say them.
#pragma once

#include <string>
#include <vector>

#include "medley/experiment/description.hpp"

namespace medley {

// "16x8x8", or "4" where there is one pixel.
std::string shape_text(const Shape& shape);
// "outputs 16, slope 0.25".
std::string options_text(const std::vector<Option>& options);

// Sections of one kind: those that differ only in their worker, or direction and part.
struct SectionKind {
  std::string name;
  std::size_t count = 0, bytes = 0;
};

// The number in "worker 3: activations"; -1 for sections that are no worker's.
int worker_of(const SectionInfo& section);
std::string kind_of(const SectionInfo& section);
// In the order in which they first occur.
std::vector<SectionKind> section_kinds(const Description& description);

}  // namespace medley
