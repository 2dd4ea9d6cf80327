// What all processes but the first do: as they are asked, until there is no more to do.
#pragma once

#include <span>
#include <string>

#include "medley/engine/processes.hpp"
#include "medley/run/session.hpp"

namespace medley {

// Returns when the first process is done. `arguments` are those of this process, of which --data,
// --threads and --isa are its own.
void serve(const Program& program, Processes& processes, std::span<const std::string> arguments);

}  // namespace medley
