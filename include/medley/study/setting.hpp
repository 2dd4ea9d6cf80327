// What a study compares, and what all of its trials share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "medley/base/arguments.hpp"

namespace medley {

struct Setting {
  std::string name;                 // "default", or that of an arm; may be empty
  std::vector<std::string> values;  // one a column of the study
  Arguments options;                // of `train`, on top of those that all trials share
};

// Each setting is trained on each fold with each seed: so many trials, numbered setting by setting.
struct Design {
  std::vector<std::string>
      columns;  // options that settings differ in, as their CSV files name them
  std::vector<std::string> metrics;  // of the validation split, as in rows of trials
  Arguments shared;                  // options of `train`, but for --data
  int folds = 0;                     // 0: the data's own validation split
  int seeds = 1;                     // from 1
  // The evaluation that a trial is judged by: the last, or that where this column of metrics was best.
  std::string best_by;
  bool measures_test = false;  // at the end of each trial

  int repeats() const { return (folds > 0 ? folds : 1) * seeds; }
  std::uint64_t trial(std::size_t setting, int repeat) const {
    return static_cast<std::uint64_t>(setting) * static_cast<std::uint64_t>(repeats()) +
           static_cast<std::uint64_t>(repeat);
  }
  std::size_t setting_of(std::uint64_t trial) const {
    return static_cast<std::size_t>(trial / static_cast<std::uint64_t>(repeats()));
  }
  int repeat_of(std::uint64_t trial) const {
    return static_cast<int>(trial % static_cast<std::uint64_t>(repeats()));
  }
  // From 1; 0 where there are no folds.
  int fold_of(std::uint64_t trial) const { return folds > 0 ? repeat_of(trial) / seeds + 1 : 0; }
  int seed_of(std::uint64_t trial) const { return repeat_of(trial) % seeds + 1; }
};

}  // namespace medley
