// What a comparison says, in sentences: each is a statement of numbers that it gives.
#pragma once

#include <string>
#include <vector>

#include "medley/study/comparison.hpp"

namespace medley::comparison {

// What the sentences must say of how the figures came about.
struct AnswerContext {
  bool has_test = true;  // else figures are of the split that rates were chosen on
  int seeds = 1, folds = 0;
  std::vector<std::string> rates;  // that each arm was tried with
  std::uint64_t steps = 0;         // of a run of the plain sum; 0: not known
};

// The first says what it comes to, the second where the figures are from; then sharing, gradients,
// weights, each arm's place, and what could not be told.
std::vector<std::string> answer(const Table& table, const Findings& findings,
                                const AnswerContext& context);

}  // namespace medley::comparison
