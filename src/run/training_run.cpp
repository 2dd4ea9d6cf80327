#include "medley/run/training_run.hpp"

#include <fmt/format.h>

#include <cmath>
#include <csignal>
#include <ranges>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/data/data_warnings.hpp"
#include "medley/files/csv.hpp"
#include "medley/optimizers/schedule_text.hpp"
#include "medley/run/first_loss.hpp"
#include "medley/run/metrics.hpp"
#include "medley/run/mix_options.hpp"
#include "medley/run/stop_signal.hpp"

namespace medley {

namespace {

void write_text(const std::filesystem::path& path, std::string_view text) {
  const Folder folder(path.parent_path());
  AtomicFile file(folder);
  (void)file.begin(path.filename().string());
  (void)file.write(std::as_bytes(std::span(text)));
  file.commit().or_throw();
}

}  // namespace

TrainingRun::TrainingRun(const Session& session, const TrainOptions& options)
    : o_(options),
      session_(session),
      d_(with_mode(session.description(), options.mode, options.mix)),
      engine_(session.engine()),
      arena_(session.arena()) {}

TrainingRun::Ending TrainingRun::train() {
  open_source();
  start_engine();
  if (o_.resume) {
    folder_.emplace(o_.out);
    resume();
  } else {
    draw_parameters();  // before the folder: a wrong --init leaves nothing behind
    RunFolder::create(o_.out, o_.force);
    folder_.emplace(o_.out);
    write_config();
  }
  logs_.emplace(d_, o_.out, state_);
  mix_watch_.emplace(d_);
  if (o_.diagnose_every > 0) {
    diagnostics_.emplace(d_, o_.out, state_.diagnostics_bytes, o_.looks_ahead);
    diagnosis_memory_.resize(engine_.diagnosis_floats());
  }
  writer_.emplace(d_, arena_, *source_, o_.seed, result_options(o_, d_), folder_->checkpoints());
  metric_names_ = metric_names(d_);
  metric_values_.resize(metric_names_.size());
  main_metrics_ = main_metrics(d_);
  announce();
  catch_stop_signals();
  ::signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit of file size fails like any other
  return loop();
}

void TrainingRun::open_source() {
  if (o_.data.empty()) {
    source_ = session_.generator();
    if (!source_) {
      throw usage_error(
          fmt::format("train: the experiment '{}' has no data of its own; give a dataset "
                      "folder with --data DIR ('import' makes one)",
                      d_.name));
    }
  } else {
    std::error_code ignored;
    if (o_.resume && !std::filesystem::exists(o_.data, ignored)) {
      throw io_error(fmt::format(
          "{}: is not there; if the data set of this run has moved, say where with --data DIR",
          o_.data));
    }
    dataset_ = std::make_unique<Dataset>(o_.data, PictureShape{d_.input.c, d_.input.h, d_.input.w},
                                         d_.targets);
    if (!o_.resume) dataset_->begin_fingerprint();
    source_ = dataset_.get();
  }
  fold_source();
  if (source_->size(Split::train) == 0) {
    throw data_error(fmt::format("{}: no record is of the training split", o_.data));
  }
}

// Cuts the records as --fold says.
void TrainingRun::fold_source() {
  if (!o_.fold.given()) return;
  folded_.emplace(*source_, d_.targets, o_.fold, dataset_ ? o_.data : "the experiment's own data");
  if (dataset_) folded_->measure_channels({d_.input.c, d_.input.h, d_.input.w});
  source_ = &*folded_;
}

void TrainingRun::start_engine() {
  Settings settings;
  settings.source = source_;
  settings.seed = o_.seed;
  settings.batch_size = o_.batch_size;
  settings.shuffle = o_.shuffle;
  settings.augment = o_.augment;
  settings.augmentation = d_.recipe.augmentation;
  settings.clip_norm = o_.clip_norm;
  settings.mode = o_.mode;
  std::ranges::copy(o_.learning_rate, settings.learning_rate.begin());
  std::ranges::copy(o_.weight, settings.weight.begin());
  for (std::size_t g = 0; g < d_.groups.size(); ++g) settings.mix[g] = d_.groups[g].mix;
  settings.threads = o_.threads;
  settings.epochs = o_.epochs;
  if (o_.steps_given) settings.steps = o_.steps;
  engine_.start(settings);
  rounds_ = engine_.rounds_per_epoch();
  steps_ = o_.steps_given ? o_.steps : o_.epochs * rounds_;
}

void TrainingRun::write_config() { write_text(o_.out / "config.ini", to_config(o_, d_)); }

// The parameters to begin with.
void TrainingRun::draw_parameters() {
  engine_.initialize();
  if (o_.init.empty()) return;
  const InitReport report = load_matching(o_.init, d_, arena_);
  engine_.parameters_changed();
  fmt::print(stderr, "{}: {} tensors loaded\n", o_.init, report.loaded.size());
  const auto list = [](std::string_view what, const std::vector<std::string>& names) {
    for (const std::string& name : names) fmt::print(stderr, "  {}: {}\n", what, printable(name));
  };
  list("not in the file", report.missing);
  list("of another shape", report.other_shape);
  list("not in this network", report.unused);
  if (report.loaded.empty()) {
    throw data_error(
        fmt::format("{}: no tensor matches this network{}", o_.init,
                    report.prefix.empty() ? std::string{} : ": " + prefix_note(report.prefix)));
  }
}

void TrainingRun::resume() {
  const std::filesystem::path path = checkpoint_to_resume(o_.out);
  if (path.empty()) {  // the process ended before the first checkpoint
    draw_parameters();
    folder_->remove_leftovers();
    if (o_.data_given) write_config();
    return;
  }
  const Checkpoint checkpoint = load_checkpoint(path, d_, arena_, true);
  require_same_options(checkpoint, o_, d_);
  if (checkpoint.data != source_->fingerprint()) {
    throw data_error(fmt::format(
        "{}: the records of {} are not those that this run was trained on (data set {}, "
        "now {}); put them back, or begin a new run with --init",
        checkpoint.path.string(), o_.data.empty() ? "the generator" : o_.data,
        hexadecimal(checkpoint.data), hexadecimal(source_->fingerprint())));
  }
  engine_.parameters_changed();
  state_ = checkpoint.state;
  const std::uint64_t step = state_.position.step;
  folder_->remove_leftovers();
  if (o_.data_given) write_config();  // the data are the same, and here from now on
  folder_->resume_at(step, state_.best_step, [&](std::uint64_t s) { return planned(s); });
  // The process may have ended between this checkpoint and what follows its writing.
  folder_->link(step, step > 0 && step == state_.best_step, planned(step), o_.keep).or_throw();
}

void TrainingRun::announce() {
  logs_->say(fmt::format(
      "medley-{}: {} parameters, {:.1f} MFLOP a picture forward, arena {:.1f} MiB; {} "
      "steps, {} threads, {}\n",
      d_.name, d_.parameters, d_.flops / 1e6, static_cast<double>(d_.arena_bytes) / (1 << 20),
      step_mode_names[static_cast<std::size_t>(d_.mode)], o_.threads, session_.instruction_set()));
  logs_->say(fmt::format(
      "records: {} train, {} validation, {} test; batch {}, {} steps, schedule {}{}\n",
      source_->size(Split::train), source_->size(Split::validation), source_->size(Split::test),
      o_.batch_size, steps_, to_string(o_.schedule),
      o_.schedule.warm_up > 0 ? fmt::format(", warm-up {}", o_.schedule.warm_up) : std::string{}));
  if (folded_) logs_->say(folded_->text() + "\n");
  for (const GroupInfo& g : d_.groups) {
    std::string terms;
    for (std::size_t k = 0; k < d_.terms.size(); ++k) {
      if (g.term_set >> k & 1u) terms += fmt::format(" {} x {}", d_.terms[k].name, o_.weight[k]);
    }
    logs_->say(fmt::format("group {}: {} at {}, mix {}:{}\n", g.name, g.optimizer,
                           o_.learning_rate[static_cast<std::size_t>(&g - d_.groups.data())],
                           to_string(g, d_), terms));
  }
  for (const std::string& warning : training_warnings(*source_, d_, o_.batch_size)) {
    logs_->say(fmt::format("warning: {}\n", warning));
  }
  for (const std::string& warning : mix_warnings(d_, source_->size(Split::validation) > 0)) {
    logs_->say(fmt::format("warning: {}\n", warning));
  }
  if (o_.resume) logs_->say(fmt::format("resuming after step {}\n", state_.position.step));
}

// Whether an uninterrupted run writes a checkpoint after this many steps.
bool TrainingRun::planned(std::uint64_t step) const {
  return step % rounds_ == 0 || step == steps_ ||
         (o_.checkpoint_every > 0 && step % o_.checkpoint_every == 0);
}

bool TrainingRun::wants_gradients(const Position& p) const {
  if (o_.gradients_each_epoch) return p.step % rounds_ == 0;
  return o_.gradients_every > 0 && p.step % o_.gradients_every == 0;
}

bool TrainingRun::diagnoses(const Position& p) const {
  return o_.diagnose_every > 0 && p.step % o_.diagnose_every == 0;
}

void TrainingRun::diagnose(const Position& before, const StepReport& report) {
  std::array<double, max_groups> rate{};
  const double factor = o_.schedule.factor(before.step, steps_);
  for (std::size_t g = 0; g < d_.groups.size(); ++g) rate[g] = o_.learning_rate[g] * factor;
  engine_.diagnose(before, diagnosis_memory_, report, o_.looks_ahead ? rate[0] : 0.0, diagnosis_);
  diagnostics_->write(before.epoch, before.step + 1, report, diagnosis_, o_.weight, rate)
      .or_throw();
}

// What run_steps tells and asks; everything else that a run does between steps follows from it.
class TrainingRun::Watcher {
 public:
  explicit Watcher(TrainingRun& run) : run_(run), progress_(run.d_) {}
  void before(const Position& position) const {
    if (run_.diagnoses(position)) run_.engine_.keep_parameters(run_.diagnosis_memory_);
  }
  bool wants_gradients(const Position& position) const { return run_.wants_gradients(position); }
  bool after(const StepDone& done) { return run_.after(done, progress_); }

 private:
  TrainingRun& run_;
  ProgressLine progress_;
};

TrainingRun::Ending TrainingRun::loop() {
  Watcher watcher(*this);
  epoch_start_ = Clock::now();
  const Ending ending = run_steps(engine_, state_.position, steps_, o_.schedule, watcher);
  if (steps_ == 0) save(false, true);
  return ending;
}

// Logs a step, and saves where it is time to. False where the run is asked to stop.
bool TrainingRun::after(const StepDone& done, ProgressLine& progress) {
  const Position &before = done.before, &position = state_.position;
  const StepReport& report = done.report;
  if (report.diverged) {
    progress.clear();
    report_divergence(before, report);
    return false;
  }
  if (before.step == 0 && o_.init.empty()) warn_of_first_values(report);
  epoch_records_ += report.records;
  const GradientReport* gradients = done.gradients         ? done.gradients
                                    : report.has_gradients ? &report.gradients
                                                           : nullptr;
  if (done.gradients || before.step % o_.log_every == 0 || position.step == steps_) {
    logs_
        ->losses(before.epoch, position.step, Split::train, report.total, report.value,
                 report.weight, report.measured, gradients)
        .or_throw();
  }
  if (diagnoses(before)) diagnose(before, report);
  line_.clear();
  mix_watch_->add(report, line_);
  if (!line_.view().empty()) {
    progress.clear();
    logs_->say(line_.view());
  }
  progress.show(report, before.epoch, epochs(), position.step, steps_);
  bool best = false;
  if (done.ends_epoch) {
    progress.clear();
    best = end_epoch(before.epoch);
  }
  if (planned(position.step)) save(best, true);
  if (stop_signal() == 0 && position.step != o_.stop_after) return true;
  if (!planned(position.step)) save(false, false);
  return false;
}

void TrainingRun::warn_of_first_values(const StepReport& report) {
  line_.clear();
  for (std::size_t k = 0; k < d_.terms.size(); ++k) {
    if (report.measured[k]) warn_of_first_value(d_.terms[k], report.value[k], line_);
  }
  if (!line_.view().empty()) logs_->say(line_.view());
}

// Evaluates the validation split, logs it, and says whether it is the best so far.
bool TrainingRun::end_epoch(std::uint32_t epoch) {
  const Position& p = state_.position;
  epoch_seconds_ = seconds_since(epoch_start_);
  logs_->timing(epoch, p.step, epoch_seconds_, epoch_records_).or_throw();
  bool best = false;
  if (source_->size(Split::validation) > 0) {
    const double total = evaluate(epoch, Split::validation);
    best = total < state_.best_total;  // never where no loss was measured: it is NaN then
    if (std::isnan(total) && !said_no_best_) {
      said_no_best_ = true;
      logs_->say("validation: none of its records counts for a loss; no checkpoint is the best\n");
    }
    if (best) {
      state_.best_total = total;
      state_.best_step = p.step;
    }
  }
  say_epoch(epoch);
  if (p.step == steps_ && source_->size(Split::test) > 0) evaluate(epoch, Split::test);
  epoch_start_ = Clock::now();
  epoch_records_ = 0;
  return best;
}

// One line an epoch, with the first metric of each target on the validation split if there is one:
// the others are in metrics.csv.
void TrainingRun::say_epoch(std::uint32_t epoch) {
  line_.clear();
  line_ << "epoch " << epoch + 1 << " of " << epochs() << ": "
        << static_cast<std::uint64_t>(static_cast<double>(epoch_records_) / epoch_seconds_)
        << " records/s";
  if (source_->size(Split::validation) > 0) {
    line_ << "; validation: total " << rounded(evaluation_.total);
    for (const std::size_t i : main_metrics_) {
      line_ << ", " << metric_names_[i] << " " << rounded(metric_values_[i]);
    }
  }
  line_ << "\n";
  logs_->say(line_.view());
}

// How many epochs the steps make; the last need not be whole.
std::uint64_t TrainingRun::epochs() const { return (steps_ + rounds_ - 1) / rounds_; }

double TrainingRun::evaluate(std::uint32_t epoch, Split split) {
  engine_.evaluate(split, evaluation_);
  const Position& p = state_.position;
  logs_
      ->losses(epoch, p.step, split, evaluation_.total, evaluation_.value, evaluation_.weight,
               evaluation_.measured, nullptr)
      .or_throw();
  metric_values(d_, evaluation_, metric_values_);
  logs_->metrics(epoch, p.step, split, metric_values_).or_throw();
  return evaluation_.total;
}

void TrainingRun::save(bool best, bool is_planned) {
  logs_->sync().or_throw();
  state_.losses_bytes = logs_->losses_bytes();
  state_.metrics_bytes = logs_->metrics_bytes();
  if (diagnostics_) {
    diagnostics_->sync().or_throw();
    state_.diagnostics_bytes = diagnostics_->bytes();
  }
  const std::uint64_t step = state_.position.step;
  writer_->write(RunFolder::checkpoint_name(step).data(), state_).or_throw();
  folder_->link(step, best, is_planned, o_.keep).or_throw();
}

void TrainingRun::report_divergence(const Position& position, const StepReport& report) {
  std::vector<std::uint64_t> records(o_.batch_size);
  records.resize(engine_.batch_records(position, records));
  std::string text = "record\r\n";
  for (const std::uint64_t record : records) text += fmt::format("{}\r\n", record);
  write_text(o_.out / "diverged.csv", text);
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

// "test.total,0.5" and so on, of evaluation_.
std::string TrainingRun::result_rows(Split split, std::string_view start) {
  std::string rows = fmt::format("{}{}.total,", start, to_string(split));
  rows += std::isnan(evaluation_.total) ? "\n" : fmt::format("{}\n", evaluation_.total);
  metric_values(d_, evaluation_, metric_values_);
  for (std::size_t i = 0; i < metric_names_.size(); ++i) {
    rows += fmt::format(
        "{}{}.{},{}\n", start, to_string(split), metric_names_[i],
        std::isnan(metric_values_[i]) ? std::string{} : fmt::format("{:.4f}", metric_values_[i]));
  }
  return rows;
}

// What the test split gives with the parameters of `best`. The arena then holds these.
std::string TrainingRun::best_rows() {
  const std::optional<std::uint64_t> best = folder_->best();
  if (!best || source_->size(Split::test) == 0) return {};
  const std::uint64_t last = state_.position.step;
  std::string rows = fmt::format("best.step,{}\n", *best);
  if (*best == last) {
    logs_->say(fmt::format("best, with the lowest validation total, is the last step, {}\n", last));
    return rows + result_rows(Split::test, "best.");
  }
  load_checkpoint(folder_->checkpoints() / RunFolder::checkpoint_name(*best).data(), d_, arena_,
                  false);
  engine_.parameters_changed();
  engine_.evaluate(Split::test, evaluation_);
  logs_->say(fmt::format(
      "test.* is of the last parameters, of step {}; best.test.* of those with the lowest "
      "validation total, of step {}\n",
      last, *best));
  return rows + result_rows(Split::test, "best.");
}

// What a pipeline reads: one CSV row a fact.
void TrainingRun::print_results() {
  const std::string digest = hexadecimal(parameter_digest(d_, arena_));
  std::string rows = fmt::format("name,value\nrun,{}\nsteps,{}\ndigest,{}\n",
                                 csv_field(o_.out.string()), state_.position.step, digest);
  for (const Split split : {Split::validation, Split::test}) {
    if (source_->size(split) == 0) continue;
    engine_.evaluate(split, evaluation_);
    rows += result_rows(split);
    write_confusions(split);
  }
  rows += best_rows();
  fmt::print("{}", rows);
  logs_->say(fmt::format(
      "digest of the parameters {}; the run is in {}: losses.csv, metrics.csv, timing.csv, "
      "confusion-*.csv, checkpoints\n",
      digest, o_.out.string()));
}

void TrainingRun::write_confusions(Split split) {
  for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
    if (d_.metrics[i].kind == TargetKind::values) continue;
    write_text(o_.out / fmt::format("confusion-{}-{}.csv", metric_prefix(d_, i), to_string(split)),
               confusion_csv(d_.metrics[i], evaluation_.metrics[i],
                             source_->class_names(d_.metrics[i].target_index)));
  }
}

}  // namespace medley
