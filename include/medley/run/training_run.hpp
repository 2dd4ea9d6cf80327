// One training from the first step, or the one it is resumed at, to the last checkpoint.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "medley/data/dataset.hpp"
#include "medley/data/folds.hpp"
#include "medley/engine/loop.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/diagnostics.hpp"
#include "medley/run/mix_warnings.hpp"
#include "medley/run/progress_line.hpp"
#include "medley/run/reporting.hpp"
#include "medley/run/run_folder.hpp"
#include "medley/run/run_logs.hpp"
#include "medley/run/session.hpp"
#include "medley/run/train_options.hpp"

namespace medley {

class TrainingRun {
 public:
  using Ending = medley::Ending;

  // The session must outlive the run.
  TrainingRun(const Session& session, const TrainOptions& options);

  // Trains, and leaves a run folder whatever the ending. Throws Error.
  Ending train();
  // After a complete training, what a pipeline reads, on stdout: one CSV row a fact; and the
  // confusion matrices, into the run folder.
  void print_results();

  // Where the records come from, once train() has begun.
  const Source& source() const { return *source_; }
  // Whether all steps of the run are done.
  bool finished() const { return state_.position.step == steps_; }
  // Steps done so far.
  std::uint64_t step() const { return state_.position.step; }

 private:
  void open_source();
  void fold_source();
  void start_engine();
  void draw_parameters();
  void write_config();
  void resume();
  void announce();
  bool planned(std::uint64_t step) const;
  class Watcher;
  bool wants_gradients(const Position& position) const;
  bool diagnoses(const Position& position) const;
  void diagnose(const Position& before, const StepReport& report);
  bool after(const StepDone& done, ProgressLine& progress);
  Ending loop();
  void warn_of_first_values(const StepReport& report);
  bool end_epoch(std::uint32_t epoch);
  void say_epoch(std::uint32_t epoch);
  std::uint64_t epochs() const;
  double evaluate(std::uint32_t epoch, Split split);
  void save(bool best, bool is_planned);
  void report_divergence(const Position& position, const StepReport& report);
  std::string result_rows(Split split, std::string_view start = {});
  std::string best_rows();
  void write_confusions(Split split);

  TrainOptions o_;
  const Session& session_;
  const Description d_;  // with the step mode and the mixes of the options
  Engine& engine_;
  float* arena_;
  const Source* source_ = nullptr;
  std::unique_ptr<Dataset> dataset_;
  std::optional<FoldedSource> folded_;
  std::optional<RunFolder> folder_;
  std::optional<RunLogs> logs_;
  std::optional<Diagnostics> diagnostics_;
  std::vector<float> diagnosis_memory_;
  Diagnosis diagnosis_;
  std::optional<MixWatch> mix_watch_;
  std::optional<CheckpointWriter> writer_;
  RunState state_;
  Evaluation evaluation_;
  std::vector<std::string> metric_names_;
  std::vector<double> metric_values_;
  std::vector<std::size_t> main_metrics_;
  Row line_;
  std::uint64_t steps_ = 0, rounds_ = 1;
  std::uint64_t epoch_records_ = 0;
  Clock::time_point epoch_start_;
  double epoch_seconds_ = 0;
  bool said_no_best_ = false;
};

}  // namespace medley
