#include "medley/run/training_run.hpp"

#include <fmt/format.h>

#include <cmath>
#include <csignal>
#include <ranges>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/data/data_warnings.hpp"
#include "medley/optimizers/schedule_text.hpp"
#include "medley/run/first_loss.hpp"
#include "medley/run/foreign_weights.hpp"
#include "medley/run/metrics.hpp"
#include "medley/run/mix_options.hpp"
#include "medley/run/optimizer_state.hpp"
#include "medley/run/stop_signal.hpp"

namespace medley {

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
  writer_.emplace(d_, arena_, *source_, o_.seed, result_options(o_, d_), folder_->checkpoints());
  // Before its logs are cut: at any instant a checkpoint is there that fits them.
  if (state_.end == RunEnd::undone) write_checkpoint();
  logs_.emplace(d_, o_.out, state_, o_.quiet);
  mix_watch_.emplace(d_);
  if (o_.diagnose_every > 0) {
    diagnostics_.emplace(d_, o_.out, state_.diagnostics_bytes, o_.looks_ahead);
    diagnosis_memory_.resize(engine_.diagnosis_floats());
  }
  metric_names_ = metric_names(d_);
  metric_values_.resize(metric_names_.size());
  main_metrics_ = main_metrics(d_);
  trains_best_ = std::ranges::any_of(
      o_.best, [](const Criterion& criterion) { return criterion.split == Split::train; });
  announce();
  catch_stop_signals(o_.quiet);
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
  settings.frozen_epochs = o_.parts.frozen_epochs;
  settings.rate_scale = o_.parts.rate_scale;
  settings.threads = o_.threads;
  settings.epochs = o_.epochs;
  if (o_.steps_given) settings.steps = o_.steps;
  engine_.start(settings);
  rounds_ = engine_.rounds_per_epoch();
  steps_ = o_.in_steps(rounds_);
  state_.rounds = rounds_;
}

void TrainingRun::write_config() { write_file(o_.out / "config.ini", to_config(o_, d_)); }

// The parameters to begin with.
void TrainingRun::draw_parameters() {
  engine_.initialize();
  if (o_.init.empty()) return;
  const InitReport report = load_matching(o_.init, d_, arena_, o_.init_prefix);
  engine_.parameters_changed();
  const auto say = [&](const std::string& text) {
    if (!o_.quiet) fmt::print(stderr, "{}", text);
  };
  const auto list = [&](std::string_view what, const std::vector<std::string>& names) {
    for (const std::string& name : names) say(fmt::format("  {}: {}\n", what, printable(name)));
  };
  say(fmt::format("{}: {} tensors loaded\n", o_.init, report.loaded.size()));
  const bool all = report.missing.empty() && report.other_shape.empty() && report.unused.empty();
  if (!all && !report.loaded.empty())
    say(fmt::format("  loaded: {}\n", fmt::join(report.loaded, ", ")));
  list("not in the file", report.missing);
  list("of another shape", report.other_shape);
  list("not in this network", report.unused);
  if (report.loaded.empty()) {
    throw data_error(
        fmt::format("{}: no tensor matches this network{}{}", o_.init,
                    o_.init_prefix.empty() ? "" : " after --init-prefix " + o_.init_prefix,
                    report.prefix.empty() ? std::string{} : ": " + prefix_note(report.prefix)));
  }
  if (!o_.with_optimizer) return;
  const StateReport state = load_matching_state(o_.init, d_, arena_, state_.position);
  say(fmt::format("{}: {} tensors of optimizers and mixes taken, with their counts of updates\n",
                  o_.init, state.tensors));
  list("begins at 0, as it is not in the file", state.missing);
  list("begins at 0, as it is of another shape or mix", state.other);
}

// Whether this run may have another length than it had. Changes nothing.
void TrainingRun::require_longer(const Checkpoint* checkpoint) const {
  if (checkpoint && !o_.before) {
    const std::uint64_t done = checkpoint->state.position.step;
    if (done > steps_ || (done == steps_ && checkpoint->state.end == RunEnd::none))
      throw data_error(fmt::format(
          "{}: {} steps are done already, but config.ini asks for {}: put back what it had",
          checkpoint->path.string(), done, steps_));
  }
  if (!o_.before) return;
  const std::uint64_t before = o_.before->in_steps(rounds_);
  if (steps_ < before)
    throw usage_error(fmt::format(
        "train: {} is a run of {} steps; with --resume it can be lengthened, not cut to {}",
        o_.out.string(), before, steps_));
  if (o_.patience > 0 && (o_.before->patience == 0 || o_.patience < o_.before->patience))
    throw usage_error(fmt::format(
        "train: {} is a run of --patience {}; with --resume it can have more (or 0, for no end)",
        o_.out.string(), o_.before->patience));
  const std::string why = depends_on_length(o_);
  if (steps_ == before || !checkpoint || checkpoint->state.position.step == 0 || why.empty())
    return;
  throw usage_error(fmt::format(
      "train: {0} was laid out for {1} steps by {2}: in a run of {3} its first {4} would have been "
      "others. Go on in a new run, which may have a schedule of its own: --init {0} "
      "--with-optimizer --out ANOTHER --schedule ...",
      o_.out.string(), before, why, steps_, checkpoint->state.position.step));
}

void TrainingRun::resume() {
  const std::filesystem::path path = checkpoint_to_resume(o_.out);
  if (path.empty()) {  // the process ended before the first checkpoint
    require_longer(nullptr);
    draw_parameters();
    folder_->remove_leftovers();
    if (o_.data_given || o_.before) write_config();
    return;
  }
  const Checkpoint checkpoint = load_checkpoint(path, d_, arena_, true);
  require_longer(&checkpoint);
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
  if (o_.data_given || o_.before) write_config();  // the data are the same, and here from now on
  // It ended by other options than it has now: by those of this command, or of one that was killed.
  if ((state_.end == RunEnd::reached || state_.end == RunEnd::closed) &&
      (state_.end_length != steps_ || state_.end_patience != o_.patience)) {
    static_cast<RunProgress&>(state_) = state_.longer;
    state_.end = RunEnd::undone;
    state_.end_length = state_.end_patience = 0;
  }
  folder_->resume_at(step, state_.best.step, [&](std::uint64_t s) { return planned(s); });
  spare_best();
  // The process may have ended between this checkpoint and what follows its writing.
  folder_->link(step, step > 0 && step == state_.best.step, planned(step), o_.keep).or_throw();
}

void TrainingRun::announce() {
  logs_->say(fmt::format(
      "medley-{}: {} parameters, {:.1f} MFLOP a picture forward, arena {:.1f} MiB; {} "
      "steps, {}{} threads, {}\n",
      d_.name, d_.parameters, d_.flops / 1e6, static_cast<double>(d_.arena_bytes) / (1 << 20),
      step_mode_names[static_cast<std::size_t>(d_.mode)],
      engine_.processes() > 1 ? fmt::format("{} processes of ", engine_.processes())
                              : std::string{},
      o_.threads, session_.instruction_set()));
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
  for (const std::string& note : part_notes(o_.parts, d_, o_.init.empty())) {
    logs_->say(note + "\n");
  }
  for (const std::string& warning : training_warnings(*source_, d_, o_.batch_size)) {
    logs_->say(fmt::format("warning: {}\n", warning));
  }
  for (const std::string& warning : mix_warnings(d_, source_->size(Split::validation) > 0)) {
    logs_->say(fmt::format("warning: {}\n", warning));
  }
  warn_of_best();
  if (!o_.resume) return;
  logs_->say(fmt::format("resuming after step {}\n", state_.position.step));
}

// Whether an uninterrupted run writes a checkpoint after this many steps.
bool TrainingRun::planned(std::uint64_t step) const {
  return step % rounds_ == 0 || step == steps_ || (ended() && step == state_.position.step) ||
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
  explicit Watcher(TrainingRun& run) : run_(run), progress_(run.d_, run.o_.quiet) {}
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
  if (state_.end == RunEnd::undone) go_on();
  const bool was_there = o_.stop_after_epochs > 0 && state_.position.epoch >= o_.stop_after_epochs;
  if (was_there && !at_end()) return Ending::stopped;
  if (!at_end()) {
    const Ending ending = run_steps(engine_, state_.position, steps_, o_.schedule, watcher);
    if (ending == Ending::diverged || !at_end()) return ending;
  }
  if (state_.end != RunEnd::closed) close();
  return stop_signal() == 0 ? Ending::complete : Ending::stopped;
}

// Logs a step, and saves where it is time to. False where the run is asked to stop.
bool TrainingRun::after(const StepDone& done, ProgressLine& progress) {
  const Position &before = done.before, &position = state_.position;
  const StepReport& report = done.report;
  const bool goes_on = !watch_ || watch_(done);
  if (report.diverged) {
    progress.clear();
    if (goes_on) report_divergence(before, report);
    return false;
  }
  if (before.step == 0 && o_.init.empty()) warn_of_first_values(report);
  epoch_records_ += report.records;
  const GradientReport* gradients = done.gradients         ? done.gradients
                                    : report.has_gradients ? &report.gradients
                                                           : nullptr;
  const auto log = [&] {
    logs_
        ->losses(before.epoch, position.step, to_string(Split::train), report.total, report.value,
                 report.weight, report.measured, gradients)
        .or_throw();
  };
  const bool logs = done.gradients || before.step % o_.log_every == 0;
  if (logs) log();
  state_.longer = progress_now();
  if (!logs && position.step == steps_) log();  // the last step has a row
  if (diagnoses(before)) diagnose(before, report);
  line_.clear();
  mix_watch_->add(report, line_);
  if (!line_.view().empty()) {
    progress.clear();
    logs_->say(line_.view());
  }
  progress.show(report, before.epoch, epochs(), position.step, steps_);
  const bool evaluates = evaluates_after(position.step) || position.step == steps_;
  if (done.ends_epoch || evaluates) progress.clear();
  if (done.ends_epoch) end_epoch(before.epoch);
  new_best_ = evaluates && evaluate_for_best();
  if (done.ends_epoch || evaluates) say_progress(before.epoch, done.ends_epoch, evaluates);
  if (at_end()) return false;  // close() does the rest
  const bool is_planned = planned(position.step);
  if (is_planned || new_best_) save(new_best_, is_planned);
  const bool is_paused =
      done.ends_epoch && o_.stop_after_epochs > 0 && position.epoch == o_.stop_after_epochs;
  if (goes_on && stop_signal() == 0 && position.step != o_.stop_after && !is_paused) return true;
  if (!is_planned && !new_best_) save(false, false);
  return false;
}

void TrainingRun::warn_of_first_values(const StepReport& report) {
  line_.clear();
  for (std::size_t k = 0; k < d_.terms.size(); ++k) {
    if (report.measured[k]) warn_of_first_value(d_.terms[k], report.value[k], line_);
  }
  if (!line_.view().empty()) logs_->say(line_.view());
}

// How many epochs the steps make; the last need not be whole.
std::uint64_t TrainingRun::epochs() const { return (steps_ + rounds_ - 1) / rounds_; }

RunProgress TrainingRun::progress_now() const {
  return {logs_->losses_bytes(), logs_->metrics_bytes(), state_.best};
}

void TrainingRun::save(bool best, bool is_planned) {
  logs_->sync().or_throw();
  static_cast<RunProgress&>(state_) = progress_now();
  if (!ended()) state_.longer = state_;
  if (diagnostics_) {
    diagnostics_->sync().or_throw();
    state_.diagnostics_bytes = diagnostics_->bytes();
  }
  write_checkpoint();
  spare_best();
  folder_->link(state_.position.step, best, is_planned, o_.keep).or_throw();
}

void TrainingRun::write_checkpoint() {
  engine_.gather_state();
  writer_->write(RunFolder::checkpoint_name(state_.position.step).data(), state_).or_throw();
}

}  // namespace medley
