// The experiment that this binary was built for.
#pragma once

#include <string_view>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/engine/engine.hpp"

namespace medley {

const Description& experiment();

// The one static arena: experiment().arena_bytes, in .bss.
float* arena();

// Instruction sets that this binary has code for and this processor can run, best first.
std::vector<std::string_view> instruction_sets();

// The engine for one of them; empty: MEDLEY_ISA of the environment, or the best. Throws a usage
// error where there is none.
Engine& engine(std::string_view instruction_set = {});
// Name of the instruction set that engine() takes for the same argument.
std::string_view chosen_instruction_set(std::string_view instruction_set = {});

// The experiment's own generator of records; null where it has none.
const Source* generator();

}  // namespace medley
