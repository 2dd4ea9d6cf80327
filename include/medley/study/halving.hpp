// Successive halving: all settings are trained for a little while, the better ones of them for longer,
// and so on; those that go on are resumed where they paused. Jamieson and Talwalkar, "Non-stochastic
// Best Arm Identification and Hyperparameter Optimization", AISTATS 2016; as scikit-learn's
// HalvingRandomSearchCV with resource="epochs", but that nothing is trained twice.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "medley/study/objective.hpp"

namespace medley {

// Of settings, the numbers that count: one an objective, NaN where it is not known.
using Scores = std::vector<double>;

// Whether a is at least as good as b in all objectives and better in one.
bool dominates(const Scores& a, const Scores& b, std::span<const Objective> objectives);

// Which of the settings are on the Pareto front: dominated by none. None where a number is not known.
std::vector<bool> pareto_front(std::span<const Scores> settings,
                               std::span<const Objective> objectives);

// Indices from the best to the worst: front by front (those on the front, those that would be on it
// without these, ...), within a front by the first objective, then in order.
std::vector<std::size_t> ranked(std::span<const Scores> settings,
                                std::span<const Objective> objectives);

// Where rungs end: after `least` epochs, `factor` times as many, ... and all. Without halving
// (factor 0) there is one.
std::vector<std::uint64_t> rung_epochs(std::uint64_t factor, std::uint64_t least,
                                       std::uint64_t all);

// How many of n settings go on: one of `factor`, rounded up.
constexpr std::size_t promoted(std::size_t n, std::uint64_t factor) {
  return static_cast<std::size_t>((n + factor - 1) / factor);
}

}  // namespace medley
