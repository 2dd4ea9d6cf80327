// An experiment's description as text: for people, as CSV and as JSON.
#pragma once

#include <string>

#include "medley/experiment/description.hpp"

namespace medley {

// A line a layer: path, type with its options, output shape, parameters, MFLOP, and what it reads
// if that is not the line before; then the sums.
std::string network_table(const Description& description);

// A few lines: what each kind of section takes, and how much is touched with so many threads.
std::string arena_summary(const Description& description);

// Everything, for people.
std::string summary(const Description& description);

// The whole map as CSV, `name,offset,bytes,lifetime`: the sections of the arena, then the buffers
// inside worker 0's activations, whose lifetimes are steps of the pass (network/network.hpp).
// Offsets count bytes from the start of the arena.
std::string arena_csv(const Description& description);

// Everything that is needed to rebuild the network and its training in another framework.
std::string description_json(const Description& description);

}  // namespace medley
