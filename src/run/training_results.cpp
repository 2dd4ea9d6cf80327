// What a run tells at its end.
#include <fmt/format.h>

#include <cmath>
#include <span>

#include "medley/base/text.hpp"
#include "medley/files/csv.hpp"
#include "medley/run/training_run.hpp"
#include "medley/run/uncertainty.hpp"

namespace medley {

void TrainingRun::report_divergence(const Position& position, const StepReport& report) {
  std::vector<std::uint64_t> records(o_.batch_size);
  records.resize(engine_.batch_records(position, records));
  std::string text = "record\r\n";
  for (const std::uint64_t record : records) text += fmt::format("{}\r\n", record);
  write_run_file(o_.out / "diverged.csv", text);
  fmt::print(stderr,
             "medley-{}: diverged at step {} (epoch {} of {}): {}{}{}; the records of its batch "
             "are in {}; "
             "{}. A smaller --lr, --clip 1 or --warm-up may help.\n",
             d_.name, position.step + 1, position.epoch + 1, epochs(),
             report.culprit_term.empty()
                 ? std::string{}
                 : fmt::format("the term '{}' is not finite", report.culprit_term),
             report.culprit_term.empty() || report.culprit_layer.empty() ? "" : ", ",
             report.culprit_layer.empty()
                 ? std::string{}
                 : fmt::format("the first gradient that is not finite is that of '{}'",
                               report.culprit_layer),
             (o_.out / "diverged.csv").string(),
             std::filesystem::exists(o_.out / "last") ? "the last good checkpoint is kept"
                                                      : "no checkpoint had been written yet");
}

// Rows for a pipeline, on stdout, and test.csv.
struct TrainingRun::Results {
  std::string rows = "name,value\n", test = "name,value,standard_error,low,high\r\n";
  std::vector<Metric> of_test;  // with the last parameters
};

// Evaluates a split: all that is measured, of test with its uncertainty.
std::vector<Metric> TrainingRun::measure(Split split) {
  if (split != Split::test) {
    engine_.evaluate(split, evaluation_);
    return all_metrics(d_, evaluation_);
  }
  Assessment a = assess(engine_, *source_, d_, split, o_.threads);
  evaluation_ = a.evaluation;
  return std::move(a.metrics);
}

// "test.total,0.5" and so on; terms are in test.csv only.
void TrainingRun::add_results(Split split, std::string_view start, std::span<const Metric> found,
                              Results& results) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Metric& m = found[i];
    const std::string name = fmt::format("{}{}.{}", start, to_string(split), m.name);
    if (split == Split::test)
      results.test += fmt::format("{},{},{},{},{}\r\n", name, number_text(m.value),
                                  number_text(m.error), number_text(m.low), number_text(m.high));
    if (i > 0 && i <= d_.terms.size()) continue;
    results.rows += std::isnan(m.value) ? fmt::format("{},\n", name)
                    : i == 0            ? fmt::format("{},{}\n", name, m.value)
                                        : fmt::format("{},{:.4f}\n", name, m.value);
  }
}

// "the lowest validation total", "the highest validation size.accuracy, then the lowest ...".
std::string TrainingRun::best_words() const {
  std::string words;
  for (const Criterion& criterion : o_.best)
    words += fmt::format("{}the {} {} {}", words.empty() ? "" : ", then ",
                         criterion.more_is_better ? "highest" : "lowest",
                         criterion.split == Split::train ? "training" : to_string(criterion.split),
                         criterion.name);
  return words;
}

// What the test split gives with the parameters of `best`. The arena then holds these.
void TrainingRun::add_best(Results& results) {
  const std::optional<std::uint64_t> best = folder_->best();
  if (!best || !measures_test()) return;
  const std::uint64_t last = state_.position.step;
  results.rows += fmt::format("best.step,{}\n", *best);
  std::vector<Metric> found = results.of_test;
  if (*best == last) {
    logs_->say(fmt::format("best, with {}, is the last step, {}\n", best_words(), last));
  } else {
    load_checkpoint(folder_->checkpoints() / RunFolder::checkpoint_name(*best).data(), d_, arena_,
                    false);
    engine_.parameters_changed();
    found = measure(Split::test);
    logs_->say(fmt::format(
        "test.* is of the last parameters, of step {}; best.test.* of those with {}, of step {}\n",
        last, best_words(), *best));
  }
  add_results(Split::test, "best.", found, results);
}

// What a pipeline reads: one CSV row a fact.
void TrainingRun::print_results() {
  const std::string digest = hexadecimal(parameter_digest(d_, arena_));
  Results results;
  results.rows +=
      fmt::format("run,{}\nsteps,{}\n", csv_field(o_.out.string()), state_.position.step);
  if (state_.position.step < steps_) results.rows += "ended,patience\n";
  results.rows += fmt::format("digest,{}\n", digest);
  for (const Split split : {Split::validation, Split::test}) {
    if (source_->size(split) == 0 || (split == Split::test && !measures_test())) continue;
    const std::vector<Metric> found = measure(split);
    add_results(split, {}, found, results);
    if (split == Split::test) results.of_test = found;
    write_confusions(split);
  }
  add_best(results);
  if (measures_test()) write_run_file(o_.out / "test.csv", results.test);
  fmt::print("{}", results.rows);
  logs_->say(fmt::format(
      "digest of the parameters {}; the run is in {}: losses.csv, metrics.csv, timing.csv, "
      "confusion-*.csv, checkpoints\n",
      digest, o_.out.string()));
}

void TrainingRun::write_confusions(Split split) {
  for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
    if (d_.metrics[i].kind == TargetKind::values) continue;
    write_run_file(
        o_.out / fmt::format("confusion-{}-{}.csv", metric_prefix(d_, i), to_string(split)),
        confusion_csv(d_.metrics[i], evaluation_.metrics[i],
                      source_->class_names(d_.metrics[i].target_index)));
  }
}

}  // namespace medley
