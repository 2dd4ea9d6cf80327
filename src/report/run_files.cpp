#include "medley/report/run_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/optimizers/schedule_text.hpp"

namespace medley::page {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view config_start = "# Options of this run of medley-";

// Empty where there is no such file.
std::string text_of(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return {};
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  return std::string(without_byte_order_mark(text));
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

void read_config(RunFiles& run) {
  const std::string text = text_of(run.folder / "config.ini");
  for (const std::string_view line : lines_of(text)) {
    if (line.starts_with(config_start)) {
      const std::string_view rest = line.substr(config_start.size());
      run.experiment = rest.substr(0, rest.find_first_of("; "));
      if (run.experiment.ends_with('.')) run.experiment.pop_back();
    }
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    run.options.emplace_back(stripped(line.substr(0, equals)), stripped(line.substr(equals + 1)));
  }
}

// The text between two others; empty where they are not there.
std::string_view between(std::string_view line, std::string_view before, std::string_view after) {
  const std::size_t begin = line.find(before);
  if (begin == std::string_view::npos) return {};
  line.remove_prefix(begin + before.size());
  const std::size_t end = line.find(after);
  return end == std::string_view::npos ? std::string_view{} : line.substr(0, end);
}

// log.txt goes on where a run was resumed: what is said last counts.
void read_log(RunFiles& run) {
  const std::string text = text_of(run.folder / "log.txt");
  for (const std::string_view line : lines_of(text)) {
    if (line.starts_with("records: ")) {
      run.records = between(line, "records: ", ";");
      const std::string_view sizes = between(line, "; batch ", " steps, ");
      const NumberRead<std::uint64_t> steps =
          read_number<std::uint64_t>(sizes.substr(sizes.find(", ") + 1));
      run.planned_steps = steps ? steps.value : 0;
      run.digest.clear();
    }
    if (line.starts_with("digest of the parameters "))
      run.digest = between(line, "digest of the parameters ", ";");
  }
}

// confusion-<target>-<split>.csv
void read_confusions(RunFiles& run) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(run.folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("confusion-") && name.ends_with(".csv")) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  for (const fs::path& path : paths) {
    const std::string stem = path.stem().string().substr(std::string_view("confusion-").size());
    const std::size_t dash = stem.rfind('-');
    std::optional<LogTable> counts = LogTable::read(path);
    if (!counts || dash == std::string::npos) continue;
    run.confusions.push_back({stem.substr(0, dash), stem.substr(dash + 1), std::move(*counts)});
  }
}

}  // namespace

std::uint64_t RunFiles::steps_done() const {
  if (!losses || losses->size() == 0) return 0;
  const NumberRead<std::uint64_t> step =
      read_number<std::uint64_t>(losses->cell(losses->size() - 1, "step"));
  return step ? step.value : 0;
}

std::vector<std::string> RunFiles::option(std::string_view wanted) const {
  std::vector<std::string> values;
  for (const auto& [option, value] : options) {
    if (option == wanted) values.push_back(value);
  }
  return values;
}

bool is_run(const fs::path& folder) {
  const std::string text = text_of(folder / "config.ini");
  return text.starts_with(config_start);
}

RunFiles read_run(const fs::path& folder) {
  if (!is_run(folder))
    throw data_error(
        fmt::format("{}: is neither a run (it has no config.ini of one) nor a study (no study.ini "
                    "or settings.csv)",
                    folder.string()));
  RunFiles run;
  run.folder = folder;
  run.name = folder.filename().empty() ? folder.parent_path().filename().string()
                                       : folder.filename().string();
  read_config(run);
  read_log(run);
  run.losses = LogTable::read(folder / "losses.csv");
  run.metrics = LogTable::read(folder / "metrics.csv");
  run.diagnostics = LogTable::read(folder / "diagnostics.csv");
  run.test = LogTable::read(folder / "test.csv");
  run.timing = LogTable::read(folder / "timing.csv");
  run.range_test = LogTable::read(folder / "range-test.csv");
  read_confusions(run);
  std::error_code error;
  run.diverged = fs::exists(folder / "diverged.csv", error);
  return run;
}

std::optional<LogTable> learning_rates(const RunFiles& run, const std::vector<std::size_t>& rows) {
  const std::vector<std::string> rates = run.option("lr"), schedules = run.option("schedule"),
                                 warm_ups = run.option("warm-up");
  if (rates.empty() || schedules.empty() || run.planned_steps == 0 || !run.losses)
    return std::nullopt;
  Schedule schedule;
  try {
    schedule = parse_schedule(schedules.back());
  } catch (const Error&) {
    return std::nullopt;
  }
  if (!warm_ups.empty()) {
    const NumberRead<double> warm_up = read_number<double>(warm_ups.back());
    if (warm_up) schedule.warm_up = warm_up.value;
  }
  if (!schedule.valid()) return std::nullopt;

  std::string text = "step";
  std::vector<double> rate;
  for (const std::string& option : rates) {
    const std::size_t equals = option.find('=');
    const std::string group = equals == std::string::npos ? "all" : option.substr(0, equals);
    const NumberRead<double> read = read_number<double>(
        equals == std::string::npos ? option : std::string_view(option).substr(equals + 1));
    if (!read) return std::nullopt;
    text += ",rate." + group;
    rate.push_back(read.value);
  }
  text += '\n';
  for (const std::size_t row : rows) {
    const std::string cell = run.losses->cell(row, "step");
    const NumberRead<std::uint64_t> step = read_number<std::uint64_t>(cell);
    if (!step || step.value == 0 || run.losses->cell(row, "split") != "train") continue;
    text += cell;
    for (const double r : rate)
      text += "," + number_text(r * schedule.factor(step.value - 1, run.planned_steps));
    text += '\n';
  }
  return LogTable("learning-rate.csv", std::move(text));
}

void name_apart(std::vector<RunFiles>& runs) {
  std::vector<fs::path> rest;
  for (const RunFiles& run : runs) {
    const fs::path path = fs::absolute(run.folder).lexically_normal();
    rest.push_back(path.filename().empty() ? path.parent_path().parent_path() : path.parent_path());
  }
  for (int parts = 0; parts < 16; ++parts) {
    std::multiset<std::string> names;
    for (const RunFiles& run : runs) names.insert(run.name);
    bool alike = false;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (names.count(runs[i].name) < 2 || !rest[i].has_filename()) continue;
      runs[i].name = rest[i].filename().string() + "/" + runs[i].name;
      rest[i] = rest[i].parent_path();
      alike = true;
    }
    if (!alike) return;
  }
}

}  // namespace medley::page
