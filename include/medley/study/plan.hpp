// Which trials a study consists of, and in which order results decide on further ones.
#pragma once

#include <vector>

#include "medley/study/trials.hpp"

namespace medley {

// A study goes from stage to stage (a rung of successive halving, a generation of an adaptive search).
// The trials of a stage follow from the results of those before it and from nothing else, so that
// many processes, one after the other or at once, come to the same ones.
class Plan {
 public:
  virtual ~Plan() = default;

  // What is left to do of the stage at hand, given the results so far; empty: the study is complete.
  virtual std::vector<Trial> next(const TrialTable& results) = 0;
  // The settings that are known by now, by number. Those of next() are among them.
  virtual const std::vector<Setting>& settings() const = 0;
  // The rung up to which a setting was to be trained, so far.
  virtual int rung_of(std::size_t setting) const = 0;
  // Epochs of training in all stages, as far as they are known ahead, and how many of them are done:
  // for the time that is left.
  struct Progress {
    std::size_t trials = 0, of_trials = 0;
    double work = 0, of_work = 0;  // in epochs
  };
  virtual Progress progress(const TrialTable& results) const = 0;
};

// Settings that are known from the beginning, each trained to its end.
class FixedPlan final : public Plan {
 public:
  FixedPlan(const Design& design, std::vector<Setting> settings)
      : design_(design), settings_(std::move(settings)) {}

  std::vector<Trial> next(const TrialTable& results) override;
  const std::vector<Setting>& settings() const override { return settings_; }
  int rung_of(std::size_t) const override { return 0; }
  Progress progress(const TrialTable& results) const override;

 private:
  const Design& design_;
  std::vector<Setting> settings_;
};

}  // namespace medley
