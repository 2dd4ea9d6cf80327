// Included in front of everything in the build of the mutants: which of them is switched on, by the
// environment variable MEDLEY_MUTANT. No constexpr: what the compiler computes cannot have a switch,
// and is not to lose it without a word.
#pragma once

#include <cstdlib>

inline const int medley_chosen_mutant = [] {
  const char* const text = std::getenv("MEDLEY_MUTANT");
  return text == nullptr ? 0 : std::atoi(text);
}();

__attribute__((always_inline)) inline bool medley_mutant(int number) {
  return medley_chosen_mutant == number;
}
