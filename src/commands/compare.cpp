// `compare`: each loss alone, the plain sum, a front of fixed weights, the control, mixes and step modes,
// trained alike and held against each other.
#include <fmt/format.h>
#include <sys/resource.h>

#include <optional>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "medley/base/error.hpp"
#include "medley/data/dataset.hpp"
#include "medley/run/stop_signal.hpp"
#include "medley/study/compare_study.hpp"
#include "medley/study/runner.hpp"
#include "medley/study/study_progress.hpp"

namespace medley {

namespace comparison {

namespace {

const HelpText compare_help{
    "compare",
    "whether losses help or hurt each other, and whether weights, mixes and step modes matter\n\n"
    "Trains each loss alone, the plain sum, a front of fixed weights, random weights as the\n"
    "control, mixes and step modes, each with the same learning rates and seeds, and tells in\n"
    "words what came out and how sure that is. Options of train hold for all trainings. A study\n"
    "that was interrupted goes on with the same command, or with --study alone; several processes\n"
    "may work on one at once.\n\n"
    "stdout: CSV of the arms, each with its best rate. S/answer.txt has the sentences,\n"
    "S/settings.csv all arms with all rates.",
    {"--study S [--data DIR] [options] [options of train]", "--study S", "--study S --status"},
    "--study studies/which --seeds 5 --epochs 3"};

Records records_of(const Program& program, const std::string& folder) {
  const auto sizes = [](const Source& source) {
    return Records{source.size(Split::train), source.size(Split::validation),
                   source.size(Split::test)};
  };
  const Description& d = program.description;
  if (!folder.empty())
    return sizes(Dataset(folder, PictureShape{d.input.c, d.input.h, d.input.w}, d.targets));
  if (program.generator) return sizes(*program.generator);
  throw usage_error(fmt::format(
      "compare: the experiment '{}' has no data of its own; give a dataset folder with --data DIR",
      d.name));
}

// Where the records are: as told, or as --config has it.
std::string data_of(const CompareOptions& o, const Description& d) {
  if (!o.study.data.empty()) return o.study.data;
  return train_options(o.study, make_design(o.study, d), {}, d).data;
}

// A comparison as this process sees it.
class Comparison {
 public:
  Comparison(const Program& program, CompareOptions options)
      : program_(program),
        d_(program.description),
        o_(std::move(options)),
        folder_(o_.study.study),
        records_(look_at_data()),
        study_(d_, o_, records_),
        plan_(study_.design(), study_.settings()),
        progress_(study_.design(), plan_, folder_, study_.objectives()[0]) {}

  bool work();
  void conclude();
  void tell_status();
  // Measures what steps of arms cost, in the folder of the study.
  std::map<std::size_t, double> measure() const;

 private:
  Records look_at_data() {
    o_.study.data = data_of(o_, d_);
    const Records records = records_of(program_, o_.study.data);
    if (records.validation > 0 || o_.study.folds > 0) return records;
    throw data_error(fmt::format(
        "{}: has no validation split to choose learning rates by; --folds 5 takes turns with the "
        "records of training",
        o_.study.data.empty() ? "the experiment's own data" : o_.study.data));
  }
  RunnerOptions runner_options() const {
    const int own = std::max(1, available_threads() / o_.study.jobs);
    return {.threads = std::min(o_.study.threads > 0 ? o_.study.threads : own, d_.memory.slots),
            .isa = o_.study.isa,
            .data = o_.study.data};
  }

  const Program& program_;
  const Description& d_;
  CompareOptions o_;
  StudyFolder folder_;
  Records records_;
  CompareStudy study_;
  FixedPlan plan_;
  StudyProgress progress_;
};

bool Comparison::work() {
  bool done = false;
  if (o_.study.jobs == 1) {
    const TrialRunner runner(program_, study_.design(), folder_, runner_options(),
                             [this] { progress_.show(); });
    done = medley::work(plan_, study_.design(), folder_, runner);
  } else {
    done = in_processes(
        o_.study.jobs,
        [this] {
          const TrialRunner runner(program_, study_.design(), folder_, runner_options());
          return medley::work(plan_, study_.design(), folder_, runner);
        },
        [this] { progress_.show(); });
  }
  progress_.clear();
  return done;
}

void Comparison::conclude() {
  folder_.sort(study_.design());
  const CompareStudy::Results results(study_, folder_);
  folder_.write("settings.csv", results.settings_text(false));
  std::string text;
  for (const std::string& sentence :
       answer(results.table(), findings(results.table()), results.context()))
    text += sentence + "\n";
  folder_.write("answer.txt", text);
  fmt::print("{}", results.settings_text(true));
  fmt::print(stderr, "{}", text);
}

void Comparison::tell_status() {
  fmt::print(stderr, "{}\n", progress_.text());
  fmt::print("{}", CompareStudy::Results(study_, folder_).settings_text(false));
}

// The byte of a study's lock that is held while the study is made: behind those of all trials.
constexpr std::uint64_t opening = (std::uint64_t{1} << 48) + 1;

double processor_seconds_of_children() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::map<std::size_t, double> Comparison::measure() const {
  const TrialRunner runner(program_, study_.design(), folder_, runner_options());
  const std::filesystem::path out = folder_.path() / "runs" / "measured";
  const auto seconds = [&](const Arguments& options, std::uint64_t steps) {
    std::filesystem::remove_all(out);
    Setting setting{.name = {}, .values = {}, .options = options};
    // One step more than it does, so that it never comes to its end and evaluates.
    setting.options.insert(setting.options.end(), {"--steps", std::to_string(steps + 1)});
    const double before = processor_seconds_of_children();
    runner.run_steps(out, setting, steps);
    return processor_seconds_of_children() - before;
  };
  fmt::print(stderr, "measuring what a step of each arm costs\n");
  const auto costs = measure_costs(study_.arms(), d_, seconds);
  std::filesystem::remove_all(out);
  return costs;
}

// The study that the folder holds, or that the options make; none where measuring was interrupted.
std::optional<CompareOptions> open_comparison(const Program& program, CompareOptions given) {
  require_one_job(program, given.study.jobs);
  const Description& d = program.description;
  const std::filesystem::path path = given.study.study;
  const StudyFolder folder(path);
  const auto stored = [&] {
    CompareOptions study = read_compare_ini(path, d);
    if (given.study.is_given) require_same_study(given, study, d);
    if (!given.study.data.empty()) study.study.data = given.study.data;
    study.study.threads = given.study.threads;
    study.study.jobs = given.study.jobs;
    study.study.isa = given.study.isa;
    return study;
  };
  if (folder.exists()) return stored();
  if (given.study.status)
    throw usage_error(fmt::format("{}: there is no study yet", path.string()));
  Comparison first(program, given);  // refuses what cannot be compared before anything is made
  std::error_code error;
  std::filesystem::create_directories(path / "runs", error);
  if (error) throw io_error(fmt::format("{}: cannot be made: {}", path.string(), error.message()));
  // (Not the lock of the tables, which whoever says a line takes.)
  const RangeLock locked = RangeLock::wait(path / StudyFolder::lock_name, opening);
  if (folder.exists()) return stored();  // another process was faster
  if (!given.study.config.empty()) folder.write(base_ini, given.study.config_text);
  if (given.equal_time) given.costs = first.measure();
  if (stop_signal() != 0) return std::nullopt;
  folder.write("study.ini", to_ini(given, d));
  return stored();
}

int run_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  CompareOptions options = parse_compare_options(arguments, d);
  if (options.study.help) {
    fmt::print("{}", help(d.name, compare_help, describe_compare(d)));
    return 0;
  }
  program.variant(options.study.isa);  // a wrong name is no matter of single trials
  const bool status = options.study.status;
  if (!status) catch_stop_signals();
  const auto opened = open_comparison(program, std::move(options));
  if (opened) {
    Comparison comparison(program, *opened);
    if (status) {
      comparison.tell_status();
      return 0;
    }
    if (comparison.work()) comparison.conclude();
  }
  if (stop_signal() != 0) {
    fmt::print(stderr, "stopped, and saved; compare --study goes on from there\n");
    return 128 + stop_signal();
  }
  return static_cast<int>(Exit::done);
}

}  // namespace
}  // namespace comparison

int compare_command(const Program& program, const Arguments& arguments) {
  return comparison::run_command(program, arguments);
}

}  // namespace medley
