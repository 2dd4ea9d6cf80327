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
  write_file(o_.out / "diverged.csv", text);
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

// Evaluates a split: all that is measured, of test with its uncertainty.
std::vector<Metric> TrainingRun::measure(Split split) {
  if (split != Split::test) {
    evaluate(split);
    return all_metrics(d_, evaluation_);
  }
  Assessment a = assess(engine_, *source_, d_, split, o_.threads);
  evaluation_ = a.evaluation;
  metric_values(d_, evaluation_, metric_values_);
  return std::move(a.metrics);
}

// "test.total,0.5" and so on; terms are in test.csv only.
void TrainingRun::add_results(Split split, std::string_view start, std::span<const Metric> found) {
  std::string& rows = split == Split::test ? test_rows_ : validation_rows_;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Metric& m = found[i];
    const std::string name = fmt::format("{}{}.{}", start, to_string(split), m.name);
    if (split == Split::test)
      test_csv_ += fmt::format("{},{},{},{},{}\r\n", name, number_text(m.value),
                               number_text(m.error), number_text(m.low), number_text(m.high));
    if (i > 0 && i <= d_.terms.size()) continue;
    rows += std::isnan(m.value) ? fmt::format("{},\n", name)
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

// Which parameters are which, for people.
void TrainingRun::say_best() {
  const std::uint64_t best = state_.best.step, last = state_.position.step;
  if (best == last) {
    logs_->say(fmt::format("best, with {}, is the last step, {}\n", best_words(), last));
  } else {
    logs_->say(fmt::format(
        "test.* is of the last parameters, of step {}; best.test.* of those with {}, of step {}\n",
        last, best_words(), best));
  }
}

// What a pipeline reads: one CSV row a fact.
void TrainingRun::print_results() {
  const std::string digest = hexadecimal(parameter_digest(d_, arena_));
  const bool tests = measures_test();
  if (tests && test_rows_.empty()) measure_test(false);  // it was closed by another process
  if (source_->size(Split::validation) > 0) {
    add_results(Split::validation, {}, measure(Split::validation));
    write_confusions(Split::validation);
  }
  if (test_rows_.find("\nbest.step,") != std::string::npos) say_best();
  if (tests) write_file(o_.out / "test.csv", test_csv_);
  fmt::print("name,value\nrun,{}\nsteps,{}\n{}digest,{}\n{}{}", csv_field(o_.out.string()),
             state_.position.step, state_.position.step < steps_ ? "ended,patience\n" : "", digest,
             validation_rows_, test_rows_);
  logs_->say(fmt::format(
      "digest of the parameters {}; the run is in {}: losses.csv, metrics.csv, timing.csv, "
      "confusion-*.csv, checkpoints\n",
      digest, o_.out.string()));
}

void TrainingRun::write_confusions(Split split) {
  for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
    if (d_.metrics[i].kind == TargetKind::values) continue;
    write_file(o_.out / fmt::format("confusion-{}-{}.csv", metric_prefix(d_, i), to_string(split)),
               confusion_csv(d_.metrics[i], evaluation_.metrics[i],
                             source_->class_names(d_.metrics[i].target_index)));
  }
}

}  // namespace medley
