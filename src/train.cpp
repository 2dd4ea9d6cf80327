// `train`: the training loop, from the first step to the last checkpoint.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <memory>
#include <ranges>

#include "commands.hpp"
#include "medley/base/error.hpp"
#include "medley/files/csv.hpp"
#include "medley/files/dataset.hpp"
#include "medley/training/checkpoint.hpp"
#include "medley/training/experiment.hpp"
#include "medley/training/metrics.hpp"
#include "run_folder.hpp"
#include "train_options.hpp"

namespace medley {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Four digits behind the point are enough for people.
double rounded(double x) { return std::round(x * 1e4) / 1e4; }

// --- signals
// ----------------------------------------------------------------------------------------

volatile std::sig_atomic_t stop_signal = 0;

// The first SIGINT or SIGTERM asks the loop to finish its step and save; the second ends at once,
// which no file minds.
void on_signal(int signal) {
  if (stop_signal != 0) ::_exit(128 + signal);
  stop_signal = signal;
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit of file size fails like any other
}

// --- logs
// -------------------------------------------------------------------------------------------

// Rows and headers of the CSV files; none of it allocates but the headers.
class Logs {
 public:
  Logs(const Description& d, const std::filesystem::path& run, const RunState& state)
      : d_(d),
        losses_(run / "losses.csv", state.losses_bytes),
        metrics_(run / "metrics.csv", state.metrics_bytes),
        timing_(run / "timing.csv", state.losses_bytes == 0 ? 0 : size_of(run / "timing.csv")),
        log_(run / "log.txt", state.losses_bytes == 0 ? 0 : size_of(run / "log.txt")) {
    if (losses_.bytes() == 0) losses_.append(losses_header()).or_throw();
    if (metrics_.bytes() == 0) metrics_.append(metrics_header()).or_throw();
    if (timing_.bytes() == 0) {
      timing_.append("epoch,step,seconds,records,records_per_second\r\n").or_throw();
    }
  }

  std::uint64_t losses_bytes() const { return losses_.bytes(); }
  std::uint64_t metrics_bytes() const { return metrics_.bytes(); }

  // A row of losses.csv. `gradients` may be null.
  Status losses(std::uint32_t epoch, std::uint64_t step, Split split, double total,
                std::span<const double> value, std::span<const double> weight,
                std::span<const bool> measured, const GradientReport* gradients) {
    row_.clear();
    row_ << epoch << "," << step << "," << to_string(split) << "," << total;
    const std::size_t terms = d_.terms.size();
    for (std::size_t k = 0; k < terms; ++k) {
      row_ << ",";
      if (measured[k]) row_ << value[k];
      row_ << "," << weight[k] << ",";
      if (gradients) row_ << gradients->norm[k];
    }
    for (std::size_t a = 0; a < terms; ++a) {
      for (std::size_t b = a + 1; b < terms; ++b) {
        row_ << ",";
        if (gradients) row_ << gradients->cosine[a][b];
      }
    }
    row_ << "\r\n";
    return losses_.append(row_.view());
  }

  Status metrics(std::uint32_t epoch, std::uint64_t step, Split split,
                 std::span<const double> values) {
    row_.clear();
    row_ << epoch << "," << step << "," << to_string(split);
    for (const double value : values) row_ << "," << value;
    row_ << "\r\n";
    return metrics_.append(row_.view());
  }

  Status timing(std::uint32_t epoch, std::uint64_t step, double seconds, std::uint64_t records) {
    row_.clear();
    row_ << epoch << "," << step << "," << seconds << "," << records << ","
         << static_cast<double>(records) / seconds << "\r\n";
    return timing_.append(row_.view());
  }

  // To people: on stderr, and in log.txt. What does not reach the log stops nothing.
  void say(std::string_view text) {
    (void)!::write(STDERR_FILENO, text.data(), text.size());
    (void)log_.append(text);
  }

  Status sync() {
    if (Status s = losses_.sync(); !s.ok()) return s;
    return metrics_.sync();
  }

 private:
  static std::uint64_t size_of(const std::filesystem::path& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    return error ? 0 : size;
  }

  std::string losses_header() const {
    std::string text = "epoch,step,split,total";
    for (const TermInfo& t : d_.terms) {
      text += fmt::format(",{0}.value,{0}.weight,{0}.gradient_norm", t.name);
    }
    for (std::size_t a = 0; a < d_.terms.size(); ++a) {
      for (std::size_t b = a + 1; b < d_.terms.size(); ++b) {
        text += fmt::format(",cosine.{}.{}", d_.terms[a].name, d_.terms[b].name);
      }
    }
    return text + "\r\n";
  }

  std::string metrics_header() const {
    std::string text = "epoch,step,split";
    for (const std::string& name : metric_names(d_)) text += "," + name;
    return text + "\r\n";
  }

  const Description& d_;
  LogFile losses_, metrics_, timing_, log_;
  Row row_;
};

// --- progress line
// ----------------------------------------------------------------------------------

// "epoch 3/20  step 1234/5000  total 0.812  colour 0.31x1 ...  5120/s  0:42 left", on a terminal
// only.
class ProgressLine {
 public:
  explicit ProgressLine(const Description& d) : d_(d), shown_(::isatty(STDERR_FILENO) != 0) {}
  ~ProgressLine() { clear(); }

  void show(const StepReport& report, const Position& position, std::uint64_t steps,
            std::uint64_t epochs) {
    records_ += report.records;
    if (!shown_ || (seconds_since(last_) < 0.2 && position.step < steps)) return;
    last_ = Clock::now();
    const double elapsed = seconds_since(start_);
    const auto done = static_cast<double>(++shows_ > 1 ? position.step - first_step_ : 0);
    if (shows_ == 1) first_step_ = position.step;
    line_.clear();
    line_ << "\r\x1b[Kepoch " << position.epoch << "/" << epochs << "  step " << position.step
          << "/" << steps << "  total " << rounded(report.total);
    for (std::size_t k = 0; k < d_.terms.size(); ++k) {
      line_ << "  " << d_.terms[k].name << " " << rounded(report.value[k]) << " x "
            << rounded(report.weight[k]);
    }
    line_ << "  " << static_cast<std::uint64_t>(static_cast<double>(records_) / elapsed) << "/s";
    if (done > 0) {
      const double left = elapsed / done * static_cast<double>(steps - position.step);
      line_ << "  " << static_cast<std::uint64_t>(left) << " s left";
    }
    (void)!::write(STDERR_FILENO, line_.view().data(), line_.view().size());
  }

  void clear() {
    if (shown_ && shows_ > 0) (void)!::write(STDERR_FILENO, "\r\x1b[K", 4);
  }

 private:
  const Description& d_;
  bool shown_;
  Line<2048> line_;
  Clock::time_point start_ = Clock::now(), last_ = start_;
  std::uint64_t records_ = 0, shows_ = 0, first_step_ = 0;
};

// --- the training
// -----------------------------------------------------------------------------------

class Training {
 public:
  explicit Training(const TrainOptions& options)
      : o_(options), d_(experiment()), engine_(engine(options.isa)) {}

  int run() {
    open_source();
    start_engine();
    if (!o_.resume) RunFolder::create(o_.out, o_.force);
    folder_.emplace(o_.out);
    o_.resume ? resume() : begin();
    logs_.emplace(d_, o_.out, state_);
    writer_.emplace(d_, arena(), *source_, o_.seed, folder_->checkpoints());
    metric_names_ = metric_names(d_);
    metric_values_.resize(metric_names_.size());
    announce();
    catch_signals();
    return finish(loop());
  }

 private:
  // How the loop ended.
  enum class Ending { complete, stopped, diverged };

  void open_source() {
    if (o_.data.empty()) {
      source_ = generator();
      if (!source_) {
        throw usage_error(
            fmt::format("train: the experiment '{}' has no data of its own; give a dataset "
                        "folder with --data DIR ('import' makes one)",
                        d_.name));
      }
    } else {
      dataset_ = std::make_unique<Dataset>(
          o_.data, PictureShape{d_.input.c, d_.input.h, d_.input.w}, d_.targets);
      source_ = dataset_.get();
    }
    if (source_->size(Split::train) == 0) {
      throw data_error(fmt::format("{}: no record is of the training split", o_.data));
    }
  }

  void start_engine() {
    Settings settings;
    settings.source = source_;
    settings.seed = o_.seed;
    settings.batch_size = o_.batch_size;
    settings.shuffle = o_.shuffle;
    settings.augment = o_.augment;
    settings.augmentation = d_.recipe.augmentation;
    settings.clip_norm = o_.clip_norm;
    std::ranges::copy(o_.learning_rate, settings.learning_rate.begin());
    std::ranges::copy(o_.weight, settings.weight.begin());
    settings.threads = o_.threads;
    engine_.start(settings);
    for (const auto& [name, value] : o_.mix) {
      if (!engine_.set_mix(name, value)) {
        throw usage_error(
            fmt::format("--mix {}={}: not for the mix {}: {}", name, value, d_.mix, d_.mix_usage));
      }
    }
    rounds_ = engine_.rounds_per_epoch();
    steps_ = o_.steps_given ? o_.steps : o_.epochs * rounds_;
  }

  void begin() {
    write_text(o_.out / "config.ini", to_config(o_, d_));
    engine_.initialize();
    if (o_.init.empty()) return;
    const InitReport report = load_matching(o_.init, d_, arena());
    engine_.parameters_changed();
    fmt::print(stderr, "{}: {} tensors loaded\n", o_.init, report.loaded.size());
    const auto list = [](std::string_view what, const std::vector<std::string>& names) {
      for (const std::string& name : names) fmt::print(stderr, "  {}: {}\n", what, name);
    };
    list("not in the file", report.missing);
    list("of another shape", report.other_shape);
    list("not in this network", report.unused);
    if (report.loaded.empty()) throw data_error(o_.init + ": no tensor matches this network");
  }

  void resume() {
    const Checkpoint checkpoint = load_checkpoint(o_.out, d_, arena(), true);
    if (checkpoint.seed != o_.seed) {
      throw data_error(fmt::format("{}: written with seed {}, but config.ini has {}",
                                   checkpoint.path.string(), checkpoint.seed, o_.seed));
    }
    engine_.parameters_changed();
    state_ = checkpoint.state;
    const std::uint64_t step = state_.position.step;
    folder_->resume_at(step, [&](std::uint64_t s) { return planned(s); });
    // The process may have ended between this checkpoint and what follows its writing.
    folder_->link(step, step > 0 && step == state_.best_step, planned(step), o_.keep).or_throw();
  }

  static void write_text(const std::filesystem::path& path, std::string_view text) {
    const Folder folder(path.parent_path());
    AtomicFile file(folder);
    (void)file.begin(path.filename().string());
    (void)file.write(std::as_bytes(std::span(text)));
    file.commit().or_throw();
  }

  void announce() {
    say(fmt::format(
        "medley-{}: {} parameters, {:.1f} MFLOP a picture forward, arena {:.1f} MiB; {} "
        "steps, {} threads, {}\n",
        d_.name, d_.parameters, d_.flops / 1e6, static_cast<double>(d_.arena_bytes) / (1 << 20),
        step_mode_names[static_cast<std::size_t>(d_.mode)], o_.threads,
        chosen_instruction_set(o_.isa)));
    say(fmt::format("records: {} train, {} validation, {} test; batch {}, {} steps, schedule {}\n",
                    source_->size(Split::train), source_->size(Split::validation),
                    source_->size(Split::test), o_.batch_size, steps_, to_string(o_.schedule)));
    for (const GroupInfo& g : d_.groups) {
      std::string terms;
      for (std::size_t k = 0; k < d_.terms.size(); ++k) {
        if (g.term_set >> k & 1u) terms += fmt::format(" {} x {}", d_.terms[k].name, o_.weight[k]);
      }
      say(fmt::format("group {}: {} at {}, mix {}:{}\n", g.name, g.optimizer,
                      o_.learning_rate[static_cast<std::size_t>(&g - d_.groups.data())], d_.mix,
                      terms));
    }
    if (o_.resume) say(fmt::format("resuming after step {}\n", state_.position.step));
  }

  void say(std::string_view text) { logs_->say(text); }

  // Whether an uninterrupted run writes a checkpoint after this many steps.
  bool planned(std::uint64_t step) const {
    return step % rounds_ == 0 || step == steps_ ||
           (o_.checkpoint_every > 0 && step % o_.checkpoint_every == 0);
  }
  bool measures_gradients(const Position& p) const {
    if (o_.gradients_each_epoch) return p.step % rounds_ == 0;
    return o_.gradients_every > 0 && p.step % o_.gradients_every == 0;
  }

  Ending loop() {
    ProgressLine progress(d_);
    Position& position = state_.position;
    StepReport report;
    GradientReport gradients;
    epoch_start_ = Clock::now();
    while (position.step < steps_) {
      const std::uint32_t epoch = position.epoch;
      const bool measured = measures_gradients(position);
      if (measured) engine_.measure_gradients(position, gradients);
      const Position before = position;
      engine_.step(position, o_.schedule.factor(position.step, steps_), report);
      if (report.diverged) {
        progress.clear();
        report_divergence(before, report);
        return Ending::diverged;
      }
      epoch_records_ += report.records;
      if (measured || before.step % o_.log_every == 0 || position.step == steps_) {
        logs_
            ->losses(epoch, position.step, Split::train, report.total, report.value, report.weight,
                     report.measured, measured ? &gradients : nullptr)
            .or_throw();
      }
      progress.show(report, position, steps_, o_.epochs);
      const bool epoch_ended = position.step % rounds_ == 0;
      bool best = false;
      if (epoch_ended || position.step == steps_) {
        progress.clear();
        best = end_epoch(epoch);
      }
      if (planned(position.step)) save(best, true);
      if (stop_signal != 0) {
        if (!planned(position.step)) save(false, false);
        return Ending::stopped;
      }
    }
    if (steps_ == 0) save(false, true);
    return Ending::complete;
  }

  // Evaluates the validation split, logs it, and says whether it is the best so far.
  bool end_epoch(std::uint32_t epoch) {
    const Position& p = state_.position;
    epoch_seconds_ = seconds_since(epoch_start_);
    logs_->timing(epoch, p.step, epoch_seconds_, epoch_records_).or_throw();
    bool best = false;
    if (source_->size(Split::validation) > 0) {
      const double total = evaluate(epoch, Split::validation);
      best = total < state_.best_total;
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

  // One line an epoch, with the metrics of the validation split if there is one.
  void say_epoch(std::uint32_t epoch) {
    line_.clear();
    line_ << "epoch " << epoch + 1 << ": "
          << static_cast<std::uint64_t>(static_cast<double>(epoch_records_) / epoch_seconds_)
          << " records/s";
    if (source_->size(Split::validation) > 0) {
      line_ << "; validation: total " << rounded(evaluation_.total);
      for (std::size_t i = 0; i < metric_values_.size(); ++i) {
        line_ << ", " << metric_names_[i] << " " << rounded(metric_values_[i]);
      }
    }
    line_ << "\n";
    say(line_.view());
  }

  double evaluate(std::uint32_t epoch, Split split) {
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

  void save(bool best, bool is_planned) {
    logs_->sync().or_throw();
    state_.losses_bytes = logs_->losses_bytes();
    state_.metrics_bytes = logs_->metrics_bytes();
    const std::uint64_t step = state_.position.step;
    writer_->write(RunFolder::checkpoint_name(step).data(), state_).or_throw();
    folder_->link(step, best, is_planned, o_.keep).or_throw();
  }

  void report_divergence(const Position& position, const StepReport& report) {
    std::vector<std::uint64_t> records(o_.batch_size);
    records.resize(engine_.batch_records(position, records));
    std::string text = "record\r\n";
    for (const std::uint64_t record : records) text += fmt::format("{}\r\n", record);
    write_text(o_.out / "diverged.csv", text);
    fmt::print(
        stderr,
        "medley-{}: diverged at step {} (epoch {}): {}{}{}; the records of its batch are in {}; "
        "{}. A smaller --lr, --clip 1 or --warm-up may help.\n",
        d_.name, position.step + 1, position.epoch,
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

  int finish(Ending ending) {
    if (ending == Ending::diverged) return static_cast<int>(Exit::diverged);
    if (ending == Ending::stopped) {
      fmt::print(stderr, "stopped after step {} and saved; --resume goes on from there\n",
                 state_.position.step);
      return 128 + static_cast<int>(stop_signal);
    }
    print_results();
    return static_cast<int>(Exit::done);
  }

  // What a pipeline reads: one CSV row a fact.
  void print_results() {
    fmt::print("name,value\n");
    fmt::print("run,{}\n", csv_field(o_.out.string()));
    fmt::print("steps,{}\n", state_.position.step);
    fmt::print("digest,{}\n", hexadecimal(parameter_digest(d_, arena())));
    for (const Split split : {Split::validation, Split::test}) {
      if (source_->size(split) == 0) continue;
      engine_.evaluate(split, evaluation_);
      fmt::print("{}.total,{}\n", to_string(split), evaluation_.total);
      metric_values(d_, evaluation_, metric_values_);
      for (std::size_t i = 0; i < metric_names_.size(); ++i) {
        fmt::print("{}.{},{}\n", to_string(split), metric_names_[i],
                   std::isnan(metric_values_[i]) ? std::string{}
                                                 : fmt::format("{:.4f}", metric_values_[i]));
      }
      write_confusions(split);
    }
    fmt::print(
        stderr,
        "the run is in {}: losses.csv, metrics.csv, timing.csv, confusion-*.csv, checkpoints\n",
        o_.out.string());
  }

  void write_confusions(Split split) {
    for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
      if (d_.metrics[i].kind == TargetKind::values) continue;
      write_text(
          o_.out / fmt::format("confusion-{}-{}.csv", metric_prefix(d_, i), to_string(split)),
          confusion_csv(d_.metrics[i], evaluation_.metrics[i],
                        source_->class_names(d_.metrics[i].target_index)));
    }
  }

  TrainOptions o_;
  const Description& d_;
  Engine& engine_;
  const Source* source_ = nullptr;
  std::unique_ptr<Dataset> dataset_;
  std::optional<RunFolder> folder_;
  std::optional<Logs> logs_;
  std::optional<CheckpointWriter> writer_;
  RunState state_;
  Evaluation evaluation_;
  std::vector<std::string> metric_names_;
  std::vector<double> metric_values_;
  Row line_;
  std::uint64_t steps_ = 0, rounds_ = 1;
  std::uint64_t epoch_records_ = 0;
  Clock::time_point epoch_start_;
  double epoch_seconds_ = 0;
};

}  // namespace

int train_command(const Arguments& arguments) {
  const TrainOptions options = parse_train_options(arguments, experiment());
  if (options.help) {
    fmt::print("{}", train_help(experiment()));
    return 0;
  }
  return Training(options).run();
}

}  // namespace medley
