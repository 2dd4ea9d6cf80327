// `tune`: a study of many trainings in one folder, which says which setting is best.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "medley/base/error.hpp"
#include "medley/data/dataset.hpp"
#include "medley/data/folds.hpp"
#include "medley/run/stop_signal.hpp"
#include "medley/study/answer.hpp"
#include "medley/study/range_test.hpp"
#include "medley/study/runner.hpp"
#include "medley/study/study_options.hpp"
#include "medley/study/study_progress.hpp"

namespace medley {

namespace {

const HelpText tune_help{
    "tune",
    "searches for the best options of train, in a folder of many trainings\n\n"
    "Options of train hold for all trainings. A study that was interrupted goes on with the same\n"
    "command, or with --study alone. Several processes may work on one at once, on one machine or\n"
    "on a file system that is shared: start the command as often as wanted.\n\n"
    "stdout: CSV of the settings on the Pareto front and of the chosen one. S/answer.txt says it "
    "in\n"
    "words, S/settings.csv has all, S/chosen.ini is for train --config.",
    {"--study S [--data DIR] --search NAME=... [options] [options of train]", "--study S",
     "--study S --status", "--range-test [LEAST..MOST] --out RUN [--data DIR] [options of train]"},
    "--study studies/rate --search lr=1e-4..1e-2,log --trials 12 --seeds 3 --epochs 5"};

// A study as this process sees it.
class Study {
 public:
  Study(const Program& program, StudyOptions options)
      : program_(program),
        d_(program.description),
        o_(std::move(options)),
        folder_(o_.study),
        design_(make_design(o_, d_)),
        criteria_(make_criteria(o_, design_)),
        search_(o_.search) {
    const TrainOptions shared = train_options(o_, design_, {}, d_);
    if (o_.data.empty()) o_.data = shared.data;
    for (const Dimension& dimension : search_.dimensions) require_values(dimension);
    search_.objectives = criteria_.objectives;
    search_.epochs = shared.epochs;
    if (search_.factor > 0) require_epochs(shared);
    std::optional<Setting> fallback;
    if (o_.has_default) fallback = default_setting(o_, design_, d_);
    plan_ = std::make_unique<SearchPlan>(
        design_, search_, fallback ? &*fallback : nullptr,
        [this](const Setting& setting) { return to_config(options_of(setting), d_); });
    progress_.emplace(design_, *plan_, folder_, criteria_.objectives[0]);
  }

  // Throws where the data are none that settings can be compared on, before anything is made.
  void require_data() const;
  // Does what is left. False where it was asked to stop.
  bool work();
  // Says what came out. The exit code: that of what went wrong where nothing came through.
  Exit conclude();
  void tell_status();

 private:
  TrainOptions options_of(const Setting& setting) const {
    return train_options(o_, design_, setting.options, d_);
  }
  void require_values(const Dimension& dimension) const;
  void require_epochs(const TrainOptions& shared) const;
  RunnerOptions runner_options() const;
  Selection selection() const;
  void write_chosen(std::size_t chosen) const;
  bool train_final(std::size_t chosen) const;
  void tick() {
    if (!progress_->is_due()) return;
    plan_->next(folder_.trials(design_));
    progress_->show();
  }

  const Program& program_;
  const Description& d_;
  StudyOptions o_;
  StudyFolder folder_;
  Design design_;
  Criteria criteria_;
  SearchDesign search_;
  std::unique_ptr<SearchPlan> plan_;
  std::optional<StudyProgress> progress_;
};

// All that a search may come to is something that `train` takes.
void Study::require_values(const Dimension& dimension) const {
  for (const std::string& value : dimension.is_list()
                                      ? dimension.values
                                      : std::vector{dimension.low_text, dimension.high_text}) {
    try {
      train_options(o_, design_, dimension.arguments(value), d_);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("--search {}: {}", dimension.name, error.what()));
    }
  }
}

void Study::require_epochs(const TrainOptions& shared) const {
  if (shared.steps_given)
    throw usage_error("--halving: its rungs are epochs, but --steps is given");
  for (const Dimension& dimension : search_.dimensions) {
    if (dimension.option == "epochs" || dimension.option == "steps")
      throw usage_error(
          fmt::format("--halving: decides how long settings are trained, but {} is "
                      "searched",
                      dimension.option));
  }
}

void Study::require_data() const {
  const std::string from = o_.data.empty() ? "the experiment's own data" : o_.data;
  std::optional<Dataset> dataset;
  if (!o_.data.empty())
    dataset.emplace(o_.data, PictureShape{d_.input.c, d_.input.h, d_.input.w}, d_.targets);
  const Source* const source = dataset ? &*dataset : program_.generator;
  if (!source)
    throw usage_error(fmt::format(
        "tune: the experiment '{}' has no data of its own; give a dataset folder with --data DIR",
        d_.name));
  if (design_.folds > 0) {
    const std::string first = fmt::format("1/{}", design_.folds);
    FoldedSource(*source, d_.targets, train_options(o_, design_, {"--fold", first}, d_).fold, from);
  } else if (source->size(Split::validation) == 0) {
    throw data_error(
        fmt::format("{}: has no validation split to judge settings by; --folds 5 takes turns with "
                    "the records of training",
                    from));
  }
}

RunnerOptions Study::runner_options() const {
  const int own = std::max(1, available_threads() / o_.jobs);
  return {.threads = std::min(o_.threads > 0 ? o_.threads : own, d_.memory.slots),
          .isa = o_.isa,
          .data = o_.data};
}

bool Study::work() {
  if (o_.jobs == 1) {
    const TrialRunner runner(program_, design_, folder_, runner_options(),
                             [this] { progress_->show(); });
    const bool done = medley::work(*plan_, design_, folder_, runner);
    progress_->clear();
    return done;
  }
  const bool done = in_processes(
      o_.jobs,
      [this] {
        const TrialRunner runner(program_, design_, folder_, runner_options());
        return medley::work(*plan_, design_, folder_, runner);
      },
      [this] { tick(); });
  progress_->clear();
  plan_->next(folder_.trials(design_));
  return done;
}

Selection Study::selection() const {
  std::vector<Simplicity> simple;
  for (std::size_t s = 0; s < plan_->settings().size(); ++s)
    simple.push_back(simplicity(options_of(plan_->settings()[s]), d_, o_.has_default && s == 0));
  return select(design_, *plan_, folder_.trials(design_), criteria_, simple);
}

void Study::write_chosen(std::size_t chosen) const {
  TrainOptions options = options_of(plan_->settings()[chosen]);
  options.keep = TrainOptions{}.keep;
  options.data = o_.data;
  folder_.write("chosen.ini", to_config(options, d_));
}

// Once, whoever comes first. False where it was asked to stop.
bool Study::train_final(std::size_t chosen) const {
  const TrialRunner runner(program_, design_, folder_, runner_options());
  const auto is_there = [&] { return std::filesystem::exists(folder_.path() / "test.csv"); };
  while (!is_there() && stop_signal() == 0) {
    const std::optional<RangeLock> claim = folder_.claim_final();
    if (!claim) {
      ::usleep(200'000);
      continue;
    }
    if (is_there()) break;
    Arguments options = design_.shared;
    const Arguments& of_setting = plan_->settings()[chosen].options;
    options.insert(options.end(), of_setting.begin(), of_setting.end());
    options.insert(options.end(), {"--fold", "all"});
    runner.run_final(folder_.path() / "final", options);
  }
  return is_there();
}

Exit Study::conclude() {
  folder_.sort(design_);
  const Selection found = selection();
  const bool is_final = found.chosen && o_.is_final;
  folder_.write("settings.csv", settings_text(design_, *plan_, criteria_, found, false));
  std::string answer;
  const auto say = [&](const std::vector<std::string>& sentences) {
    for (const std::string& sentence : sentences) {
      answer += sentence + "\n";
      fmt::print(stderr, "{}\n", sentence);
    }
    folder_.write("answer.txt", answer);
  };
  say(answer_sentences(design_, *plan_, criteria_, found, is_final));
  if (found.chosen) write_chosen(*found.chosen);
  fmt::print("{}", settings_text(design_, *plan_, criteria_, found, true));
  if (is_final && train_final(*found.chosen))
    say(test_sentences(criteria_, folder_.path() / "test.csv"));
  const auto any = [&](auto member) { return std::ranges::any_of(found.settings, member); };
  if (any(&SettingSummary::is_whole)) return Exit::done;
  return any(&SettingSummary::diverged) ? Exit::diverged : Exit::data;
}

void Study::tell_status() {
  plan_->next(folder_.trials(design_));
  fmt::print(stderr, "{}\n", progress_->text());
  fmt::print("{}", settings_text(design_, *plan_, criteria_, selection(), false));
}

// The study that the folder holds, or that the options make.
StudyOptions open_study(const Program& program, StudyOptions given) {
  require_one_job(program, given.jobs);
  const Description& d = program.description;
  const StudyFolder folder(given.study);
  const auto stored = [&] {
    StudyOptions study = read_ini(given.study, d);
    if (given.is_given) require_same_study(given, study, d);
    if (!given.data.empty()) study.data = given.data;
    study.threads = given.threads;
    study.jobs = given.jobs;
    study.isa = given.isa;
    study.is_final |= given.is_final;
    return study;
  };
  if (folder.exists()) return stored();
  if (given.status || !given.is_given)
    throw usage_error(
        fmt::format("{}: there is no study; --search begins one", given.study.string()));
  Study(program, given).require_data();
  std::error_code error;
  std::filesystem::create_directories(given.study / "runs", error);
  if (error)
    throw io_error(fmt::format("{}: cannot be made: {}", given.study.string(), error.message()));
  const RangeLock locked = folder.lock();
  if (folder.exists()) return stored();  // another process was faster
  if (!given.config.empty()) folder.write(base_ini, given.config_text);
  folder.write("study.ini", to_ini(given, d));
  return stored();
}

}  // namespace

int tune_command(const Program& program, const Arguments& arguments) {
  if (const auto test = parse_range_test(arguments, program.description))
    return range_test(program, *test);
  StudyOptions options = parse_study_options(arguments, program.description);
  if (options.help) {
    fmt::print("{}", help(program.description.name, tune_help, describe_tune(program.description)));
    return 0;
  }
  program.variant(options.isa);  // a wrong name is no matter of single trials
  const bool status = options.status;
  Study study(program, open_study(program, std::move(options)));
  if (status) {
    study.tell_status();
    return 0;
  }
  catch_stop_signals();
  Exit code = Exit::done;
  if (study.work()) code = study.conclude();
  if (stop_signal() != 0) {
    fmt::print(stderr, "stopped, and saved; tune --study goes on from there\n");
    return 128 + stop_signal();
  }
  return static_cast<int>(code);
}

}  // namespace medley
