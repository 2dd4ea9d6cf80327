// What the results of a study say: a summary of each setting, the Pareto front, and the one that is
// chosen.
//
// Settings are judged by means over folds and seeds. To be chosen, a setting must have come to the end
// of the last rung in all repeats without diverging, and meet the requirements. Of several objectives
// the first decides among those on the front. Settings whose paired difference to the best is within
// its standard error tie with it; the simplest of these is taken: fixed weights before mixes that
// adapt, joint before simultaneous before alternating steps, the default first, fewer epochs; and of
// those as simple, the best in the other objectives, in their order. (The one-standard-error rule of
// Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3, on paired differences.)
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "medley/study/halving.hpp"
#include "medley/study/plan.hpp"
#include "medley/study/statistics.hpp"

namespace medley {

// Less is simpler.
struct Simplicity {
  bool adapts = false;   // a mix whose weights are not fixed
  int mode = 0;          // joint, simultaneous, alternating
  bool is_other = true;  // than the default
  std::uint64_t epochs = 0;

  auto operator<=>(const Simplicity&) const = default;
};

struct SettingSummary {
  int rung = 0;  // the last one that all of its repeats have come to the end of
  std::size_t complete = 0, diverged = 0, failed = 0;  // trials of that rung
  bool is_whole = false;                               // came through all rungs, in all repeats
  std::vector<statistics::Estimate> objective;         // one an objective
  std::vector<statistics::Paired> to_default;          // better is more than 0 where more is better
  std::vector<double> required;                        // the mean that each requirement is about
  bool meets = false;                                  // the requirements
  bool on_front = false, ties = false, chosen = false;
};

struct Selection {
  std::vector<SettingSummary> settings;
  std::optional<std::size_t> best, chosen;  // best: by the first objective, on the front
  bool is_simpler = false;                  // the chosen one, than the best
  std::vector<statistics::Paired>
      chosen_to_best;  // one an objective; empty where they are the same
};

struct Criteria {
  std::vector<Objective> objectives;
  std::vector<Requirement> requirements;
  bool has_default = true;  // setting 0
};

// `simplicity` has an entry for each setting of the plan.
Selection select(const Design& design, const Plan& plan, const TrialTable& results,
                 const Criteria& criteria, std::span<const Simplicity> simplicity);

// Setting a against setting b in a metric, fold by fold and seed by seed, at the highest rung that
// both have come to.
statistics::Paired compare_settings(const Design& design, const Plan& plan,
                                    const TrialTable& results, std::size_t a, std::size_t b,
                                    std::size_t metric);

}  // namespace medley
