// A trainer with threads for workers, for tests of engines.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "medley/engine/threads.hpp"
#include "medley/engine/trainer.hpp"

namespace medley::testing {

// As TrainerEngine is, but for one thing: what a test does not call is not compiled.
template <class Experiment>
class ThreadedTrainer : public Trainer<Experiment, Threads> {
  using Base = Trainer<Experiment, Threads>;

 public:
  using Base::Base;

  void start(const Settings& settings) {
    threads_.emplace(std::clamp(settings.threads, 1, Base::most_workers));
    scores_.resize(Base::score_count(*settings.source));
    Base::start(settings, *threads_, scores_);
  }

 private:
  std::optional<Threads> threads_;
  std::vector<Score> scores_;
};

}  // namespace medley::testing
