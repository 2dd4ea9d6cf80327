// One training from the first step, or the one it is resumed at, to the last checkpoint.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "medley/data/dataset.hpp"
#include "medley/data/folds.hpp"
#include "medley/engine/loop.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/diagnostics.hpp"
#include "medley/run/metrics.hpp"
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

  // Asked after each step, also of one that diverged. False ends the run there, and a divergence is
  // then not told.
  void watch(std::function<bool(const StepDone&)> watch) { watch_ = std::move(watch); }

  // Trains, and leaves a run folder whatever the ending. Throws Error.
  Ending train();
  // After a complete training, what a pipeline reads, on stdout: one CSV row a fact; and the
  // confusion matrices, into the run folder.
  void print_results();

  // Where the records come from, once train() has begun.
  const Source& source() const { return *source_; }
  // Whether the run has come to its end: all steps, or --patience.
  bool finished() const { return state_.end == RunEnd::closed; }
  // Steps done so far.
  std::uint64_t step() const { return state_.position.step; }

 private:
  void open_source();
  void fold_source();
  void start_engine();
  void draw_parameters();
  void write_config();
  void require_longer(const Checkpoint* checkpoint) const;
  void resume();
  void announce();
  void warn_of_best();
  bool planned(std::uint64_t step) const;
  class Watcher;
  bool wants_gradients(const Position& position) const;
  bool diagnoses(const Position& position) const;
  void diagnose(const Position& before, const StepReport& report);
  bool after(const StepDone& done, ProgressLine& progress);
  Ending loop();
  void warn_of_first_values(const StepReport& report);
  std::uint64_t epochs() const;

  // What is evaluated, and when a run ends by it: training_evaluations.cpp.
  bool evaluates_after(std::uint64_t step) const;
  void end_epoch(std::uint32_t epoch);
  bool evaluate_for_best();
  void say_progress(std::uint32_t epoch, bool ends_epoch, bool evaluated);
  void evaluate(Split split);
  void log_evaluation(std::uint64_t step, std::string_view split);
  double best_value(const Criterion& criterion, const Evaluation& evaluation) const;
  bool out_of_patience() const;
  bool at_end() const { return state_.position.step == steps_ || out_of_patience(); }
  bool ended() const { return state_.end == RunEnd::reached || state_.end == RunEnd::closed; }
  void go_on();
  void close();
  void save_end(RunEnd end);
  bool measures_test() const;
  void measure_test(bool ends_now);

  RunProgress progress_now() const;
  void save(bool best, bool is_planned);
  void write_checkpoint();
  void spare_best();

  // What a run tells at its end: training_results.cpp.
  void report_divergence(const Position& position, const StepReport& report);
  std::vector<Metric> measure(Split split);
  void add_results(Split split, std::string_view start, std::span<const Metric> found);
  std::string best_words() const;
  void say_best();
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
  std::function<bool(const StepDone&)> watch_;
  RunState state_;
  Evaluation evaluation_;
  std::vector<std::string> metric_names_;
  std::vector<double> metric_values_;
  std::vector<std::size_t> main_metrics_;
  std::string validation_rows_, test_rows_, test_csv_ = "name,value,standard_error,low,high\r\n";
  Row line_;
  std::uint64_t steps_ = 0, rounds_ = 1;
  std::uint64_t epoch_records_ = 0;
  Clock::time_point epoch_start_;
  double epoch_seconds_ = 0;
  bool trains_best_ = false;  // --best names a number of the training split
  bool new_best_ = false;     // the last evaluation
  bool said_no_best_ = false;
};

}  // namespace medley
