#include "medley/study/trials.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/experiment/records.hpp"
#include "medley/files/csv.hpp"
#include "medley/run/best.hpp"
#include "medley/run/run_results.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr auto status_names = std::to_array<std::string_view>({"complete", "diverged", "failed"});

// A cell that holds a number; NaN for an empty one, and for what is none.
double cell_number(std::string_view text) {
  const auto number = read_number<double>(text);
  return number ? number.value : not_a_number;
}

TrialRow parse_row(const Design& design, const std::vector<std::string>& fields) {
  TrialRow row;
  const auto whole = [&](std::size_t i) { return read_number<std::uint64_t>(fields[i]).value; };
  row.trial = {.number = whole(0), .rung = static_cast<int>(whole(2)), .epochs = whole(5)};
  for (std::size_t s = 0; s < status_names.size(); ++s) {
    if (fields[6] == status_names[s]) row.status = static_cast<TrialStatus>(s);
  }
  const auto first = fields.begin() + 7;
  row.values.assign(first, first + std::ssize(design.columns));
  for (auto field = first + std::ssize(design.columns); field != fields.end(); ++field) {
    row.metrics.push_back(cell_number(*field));
  }
  return row;
}

}  // namespace

std::string_view to_string(TrialStatus status) {
  return status_names[static_cast<std::size_t>(status)];
}

std::vector<double> TrialTable::values(const Design& design, std::size_t setting, int rung,
                                       std::size_t metric) const {
  std::vector<double> values;
  for (int repeat = 0; repeat < design.repeats(); ++repeat) {
    const TrialRow* const row = find(rung, design.trial(setting, repeat));
    values.push_back(row ? row->metrics[metric] : not_a_number);
  }
  return values;
}

bool TrialTable::complete(const Design& design, std::size_t setting, int rung) const {
  for (int repeat = 0; repeat < design.repeats(); ++repeat) {
    const TrialRow* const row = find(rung, design.trial(setting, repeat));
    if (!row || row->status != TrialStatus::complete) return false;
  }
  return true;
}

std::string header_text(const Design& design) {
  std::string text = "trial,setting,rung,fold,seed,epochs,status";
  for (const std::string& name : design.columns) text += "," + csv_field(name);
  for (const std::string& name : design.metrics) text += "," + csv_field(name);
  return text + "\r\n";
}

std::string row_text(const Design& design, const TrialRow& row) {
  const std::uint64_t n = row.trial.number;
  std::string text =
      fmt::format("{},{},{},{},{},{},{}", n, design.setting_of(n), row.trial.rung,
                  design.fold_of(n), design.seed_of(n), row.trial.epochs, to_string(row.status));
  for (const std::string& value : row.values) text += "," + csv_field(value);
  for (const double value : row.metrics) text += "," + number_text(value);
  return text + "\r\n";
}

TrialTable read_trials(const fs::path& file, const Design& design) {
  TrialTable table;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return table;
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  std::string_view rest = text;
  const std::string header = header_text(design);
  bool first = true;
  // A line without its end is one that is being written, or that a dead process has left.
  for (std::size_t end; (end = rest.find("\r\n")) != std::string_view::npos; first = false) {
    const std::string_view line = rest.substr(0, end + 2);
    rest.remove_prefix(end + 2);
    if (first) {
      if (line != header)
        throw data_error(fmt::format("{}: has other columns than this study", file.string()));
      continue;
    }
    const auto fields = csv_fields(line.substr(0, end));
    if (!fields || fields->size() != 7 + design.columns.size() + design.metrics.size())
      throw data_error(fmt::format("{}: '{}' is not a row of this study", file.string(),
                                   printable(line.substr(0, end))));
    table.add(parse_row(design, *fields));
  }
  return table;
}

std::pair<std::uint64_t, std::vector<double>> read_result(const fs::path& run, const Design& design,
                                                          std::uint64_t epochs, Split split) {
  const RunResults results = read_run(run);
  std::pair<std::uint64_t, std::vector<double>> found{
      0, std::vector<double>(design.metrics.size(), not_a_number)};
  double best = not_a_number;
  for (const ResultRow& row : results.rows) {
    if (row.split != to_string(split) || (epochs > 0 && row.epoch >= epochs)) continue;
    found.first = row.epoch + 1;
    if (!design.best_by.empty()) {
      const double value = results.value(row, design.best_by);
      const bool better = more_is_better(design.best_by) ? value > best : value < best;
      if (best == best && !better) continue;
      best = value;
    }
    for (std::size_t i = 0; i < design.metrics.size(); ++i)
      found.second[i] = results.value(row, design.metrics[i]);
  }
  return found;
}

}  // namespace medley
