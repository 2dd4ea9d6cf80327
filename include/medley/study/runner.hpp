// Trains the trials of a study, each in a process of its own (or, where several train together, in all of
// them), until none is left or it is asked to stop.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <string>

#include "medley/run/session.hpp"
#include "medley/study/plan.hpp"
#include "medley/study/study_folder.hpp"

namespace medley {

// Zero, in memory that a process shares with children that it makes later.
class SharedFlag {
 public:
  SharedFlag();
  ~SharedFlag();
  SharedFlag(const SharedFlag&) = delete;
  SharedFlag& operator=(const SharedFlag&) = delete;
  volatile std::sig_atomic_t& flag() const {
    return *static_cast<volatile std::sig_atomic_t*>(page_);
  }

 private:
  void* page_;
};

// What a process of a study decides for itself; results do not depend on it.
struct RunnerOptions {
  int threads = 1;
  std::string isa;
  std::string data;  // where the data set is here; empty: the experiment's own
};

// How much of a training a process does: so many epochs or steps, or (0) all of it.
struct TrainingPart {
  std::uint64_t epochs = 0, steps = 0;
  bool prints_results = false;
};

class TrialRunner {
 public:
  // Called now and then while a trial is being trained or waited for.
  using Tick = std::function<void()>;

  TrialRunner(const Program& program, const Design& design, const StudyFolder& folder,
              RunnerOptions options, Tick tick = {});

  // Trains a trial, or goes on with it where an earlier process has begun. None where this process
  // was asked to stop: the trial has then saved where it was. The caller has claimed it.
  std::optional<TrialRow> run(const Setting& setting, const Trial& trial) const;

  // The options of `train` that a trial is trained with.
  Arguments arguments(const Setting& setting, std::uint64_t trial) const;

  // Trains so many steps of a setting in `out`, with the first seed and fold, and pauses there: nothing
  // is evaluated. Throws what has failed; one that diverges has not.
  void run_steps(const std::filesystem::path& out, const Setting& setting,
                 std::uint64_t steps) const;

  // Trains with these options in `out`, and measures the test split: test.csv of the study. False
  // where it was asked to stop.
  bool run_final(const std::filesystem::path& out, const Arguments& options) const;

  void tick() const {
    if (tick_) tick_();
  }

 private:
  struct Outcome {
    int code = 0;         // exit code
    bool killed = false;  // by a signal
    std::string message;
  };
  Outcome train(const std::filesystem::path& out, const Arguments& options,
                const TrainingPart& part) const;

  const Program& program_;
  const Design& design_;
  const StudyFolder& folder_;
  RunnerOptions options_;
  Tick tick_;
  SharedFlag stop_;  // asks the trial at hand to stop
};

// Throws a usage error where a training takes all processes and several are to be made at once.
void require_one_job(const Program& program, int jobs);

// Runs `worker` in so many processes at once. It gives false where it was asked to stop, as they all
// are when this process is; one that fails stops the others, and its error is this process's.
bool in_processes(int count, const std::function<bool()>& worker,
                  const std::function<void()>& tick);

// Does what is left of a study together with whoever else works on it. False where this process was
// asked to stop.
bool work(Plan& plan, const Design& design, const StudyFolder& folder, const TrialRunner& runner);

}  // namespace medley
