// Whether a training begins as it should: at what guessing gives.
#pragma once

#include "medley/experiment/description.hpp"
#include "medley/run/run_folder.hpp"

namespace medley {

// Whether a first value is more than twice, and by more than 1 above, what a loss gives where the
// outputs say nothing (Loss::guess); never where that is not known (0).
constexpr bool far_above_guessing(double value, double guess) {
  return guess > 0.0 && value > 2.0 * guess && value > guess + 1.0;
}

// Appends a sentence for a term whose value in the first step is far above guessing. Does not
// allocate.
void warn_of_first_value(const TermInfo& term, double value, Row& text) noexcept;

}  // namespace medley
