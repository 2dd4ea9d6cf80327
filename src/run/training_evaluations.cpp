// What a run evaluates between its steps, and how it ends.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "medley/run/metrics.hpp"
#include "medley/run/training_run.hpp"

namespace medley {

// Whether a run that does not end there evaluates after this many steps.
bool TrainingRun::evaluates_after(std::uint64_t step) const {
  return step > 0 && step % (o_.validate_every > 0 ? o_.validate_every : rounds_) == 0;
}

void TrainingRun::warn_of_best() {
  const bool on_validation = std::ranges::any_of(
      o_.best, [](const Criterion& criterion) { return criterion.split == Split::validation; });
  if (source_->size(Split::validation) > 0 || !on_validation) return;
  if (o_.patience == 0 && to_string(o_.best[0]) == "total") return;  // the data's own warning tells
  logs_->say(fmt::format(
      "warning: --best{}: the validation split is empty, so that no checkpoint is the best{}; "
      "--best train.{} chooses by the training split\n",
      o_.patience > 0 ? " and --patience" : "",
      o_.patience > 0 ? ", and the run has all steps" : "", o_.best[0].name));
}

void TrainingRun::end_epoch(std::uint32_t epoch) {
  epoch_seconds_ = seconds_since(epoch_start_);
  logs_->timing(epoch, state_.position.step, epoch_seconds_, epoch_records_).or_throw();
}

// Evaluates what the best is chosen by, logs it, and says whether it is the best so far.
bool TrainingRun::evaluate_for_best() {
  const Clock::time_point start = Clock::now();
  const std::uint64_t step = state_.position.step;
  std::array<double, most_criteria> values{};
  values.fill(std::numeric_limits<double>::quiet_NaN());
  const auto take = [&](Split split, std::string_view name) {
    evaluate(split);
    log_evaluation(step, name);
    for (std::size_t i = 0; i < o_.best.size(); ++i) {
      if (o_.best[i].split == split) values[i] = best_value(o_.best[i], evaluation_);
    }
  };
  const bool validates = source_->size(Split::validation) > 0;
  if (!validates && !trains_best_) return false;
  if (trains_best_) take(Split::train, whole_train);
  if (validates) take(Split::validation, to_string(Split::validation));
  epoch_start_ += Clock::now() - start;
  const bool best = state_.best.add(step, o_.best, values);
  if (std::isnan(values[0]) && !said_no_best_) {
    said_no_best_ = true;
    const Criterion& first = o_.best[0];
    line_.clear();
    line_ << to_string(first.split) << ": ";
    if (first.name == "total") {
      line_ << "none of its records counts for a loss";
    } else {
      line_ << first.name << " is not defined";
    }
    line_ << "; no checkpoint is the best\n";
    logs_->say(line_.view());
  }
  return best;
}

double TrainingRun::best_value(const Criterion& criterion, const Evaluation& evaluation) const {
  if (criterion.name == "total") return evaluation.total;
  for (std::size_t i = 0; i < metric_names_.size(); ++i) {
    if (metric_names_[i] == criterion.name) return metric_values_[i];
  }
  const std::string_view term =
      std::string_view(criterion.name).substr(criterion.name.find('.') + 1);
  for (std::size_t k = 0; k < d_.terms.size(); ++k) {
    if (d_.terms[k].name == term && evaluation.measured[k]) return evaluation.value[k];
  }
  return std::numeric_limits<double>::quiet_NaN();
}

// One line an epoch or evaluation, with the first metric of each target: the others are in
// metrics.csv.
void TrainingRun::say_progress(std::uint32_t epoch, bool ends_epoch, bool evaluated) {
  line_.clear();
  if (ends_epoch) {
    line_ << "epoch " << epoch + 1 << " of " << epochs() << ": "
          << static_cast<std::uint64_t>(static_cast<double>(epoch_records_) / epoch_seconds_)
          << " records/s";
    epoch_start_ = Clock::now();
    epoch_records_ = 0;
  } else {
    line_ << "step " << state_.position.step << " of " << steps_;
  }
  const bool validates = source_->size(Split::validation) > 0;
  if (evaluated && (validates || trains_best_)) {
    line_ << "; " << (validates ? to_string(Split::validation) : whole_train) << ": total "
          << rounded(evaluation_.total);
    for (const std::size_t i : main_metrics_) {
      line_ << ", " << metric_names_[i] << " " << rounded(metric_values_[i]);
    }
  }
  line_ << "\n";
  logs_->say(line_.view());
}

void TrainingRun::evaluate(Split split) {
  engine_.evaluate(split, evaluation_);
  metric_values(d_, evaluation_, metric_values_);
}

// Rows of what evaluate() has found after this many steps.
void TrainingRun::log_evaluation(std::uint64_t step, std::string_view split) {
  const std::uint64_t epoch = (step - 1) / rounds_;
  logs_
      ->losses(epoch, step, split, evaluation_.total, evaluation_.value, evaluation_.weight,
               evaluation_.measured, nullptr)
      .or_throw();
  logs_->metrics(epoch, step, split, metric_values_).or_throw();
}

bool TrainingRun::out_of_patience() const {
  return o_.patience > 0 && state_.best.waited >= o_.patience;
}

// A run that had ended, and has another length now: the evaluation that a run of this length makes
// after its last step.
void TrainingRun::go_on() {
  const std::uint64_t step = state_.position.step;
  state_.end = RunEnd::none;
  new_best_ = evaluates_after(step) && evaluate_for_best();
  if (!at_end()) save(new_best_, planned(step));
}

// After the last step: what the test split gives with the last parameters, and with those of `best`.
void TrainingRun::close() {
  state_.end_length = steps_;
  state_.end_patience = o_.patience;
  const std::uint64_t step = state_.position.step;
  if (step < steps_) {
    logs_->say(fmt::format("no better {} in {} evaluations: the run ends after step {} of {}\n",
                           o_.best[0].name, state_.best.waited, step, steps_));
  }
  if (step > 0 && measures_test()) {
    save_end(RunEnd::reached);  // first, as the arena will hold the best parameters for a while
    measure_test(true);
  }
  save_end(RunEnd::closed);
}

void TrainingRun::save_end(RunEnd end) {
  state_.end = end;
  save(new_best_, true);
}

bool TrainingRun::measures_test() const {
  return o_.measures_test && source_->size(Split::test) > 0;
}

// Once with the last parameters and once with those of `best`, for what print_results() tells; with
// rows in the logs where the run `ends_now`.
void TrainingRun::measure_test(bool ends_now) {
  const std::uint64_t step = state_.position.step, best = state_.best.step;
  const auto load = [&](std::uint64_t of) {
    load_checkpoint(folder_->checkpoints() / RunFolder::checkpoint_name(of).data(), d_, arena_,
                    false);
    engine_.parameters_changed();
  };
  std::vector<Metric> found = measure(Split::test);
  if (ends_now) log_evaluation(step, to_string(Split::test));
  add_results(Split::test, {}, found);
  write_confusions(Split::test);
  if (best == 0 || folder_->best() != best) return;
  if (best != step) {
    load(best);
    found = measure(Split::test);
  }
  if (ends_now) log_evaluation(step, best_test);
  test_rows_ += fmt::format("best.step,{}\n", best);
  add_results(Split::test, "best.", found);
  if (best != step) load(step);
}

void TrainingRun::spare_best() {
  const bool by_the_end = ended() && !evaluates_after(state_.position.step);
  folder_->spare(by_the_end ? state_.longer.best.step : 0);
}

}  // namespace medley
