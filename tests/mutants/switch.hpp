// Included in front of everything in the build of the mutants: which of them is switched on, by the
// environment variable MEDLEY_MUTANT. Where the compiler computes, none is.
#pragma once

#include <cstdlib>
#include <type_traits>

inline const int medley_chosen_mutant = [] {
  const char* const text = std::getenv("MEDLEY_MUTANT");
  return text == nullptr ? 0 : std::atoi(text);
}();

__attribute__((always_inline)) constexpr bool medley_mutant(int number) {
  return !std::is_constant_evaluated() && medley_chosen_mutant == number;
}
