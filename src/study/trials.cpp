#include "medley/study/trials.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/experiment/records.hpp"
#include "medley/files/csv.hpp"
#include "medley/study/objective.hpp"

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

// The rows of a split in a log of a run that belong to the first so many epochs (0: all).
struct LogRows {
  struct At {
    std::uint64_t epoch, step;
    std::vector<double> values;  // of the columns
  };
  std::vector<At> rows;

  LogRows(const fs::path& file, const std::vector<std::string>& columns, std::uint64_t epochs,
          Split split) {
    if (!fs::exists(file)) return;
    CsvReader csv(file);
    std::vector<std::size_t> index;
    for (const std::string& column : columns) index.push_back(csv.column(column));
    for (CsvRow row; csv.next(row);) {
      if (!row.problem.empty() || row.fields[2] != to_string(split)) continue;
      At at{read_number<std::uint64_t>(row.fields[0]).value,
            read_number<std::uint64_t>(row.fields[1]).value,
            {}};
      if (epochs > 0 && at.epoch >= epochs) continue;
      for (const std::size_t i : index) at.values.push_back(cell_number(row.fields[i]));
      rows.push_back(std::move(at));
    }
  }
};

// The column of losses.csv for a metric that is a loss; empty for others.
std::string column_of_loss(const std::string& metric) {
  if (metric == "total") return metric;
  constexpr std::string_view term = "term.";
  return metric.starts_with(term) ? metric.substr(term.size()) + ".value" : std::string{};
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
  std::vector<std::string> losses, metrics;
  for (const std::string& name : design.metrics) {
    const std::string loss = column_of_loss(name);
    (loss.empty() ? metrics : losses).push_back(loss.empty() ? name : loss);
  }
  const LogRows of_losses(run / "losses.csv", losses, epochs, split);
  const LogRows of_metrics(run / "metrics.csv", metrics, epochs, split);
  std::pair<std::uint64_t, std::vector<double>> result{
      0, std::vector<double>(design.metrics.size(), not_a_number)};
  double best = not_a_number;
  const std::size_t rows = std::min(of_losses.rows.size(), of_metrics.rows.size());
  for (std::size_t i = 0; i < rows; ++i) {
    std::vector<double> values;
    std::size_t loss = 0, metric = 0;
    double judged = not_a_number;
    for (const std::string& name : design.metrics) {
      values.push_back(column_of_loss(name).empty() ? of_metrics.rows[i].values[metric++]
                                                    : of_losses.rows[i].values[loss++]);
      if (name == design.best_by) judged = values.back();
    }
    result.first = of_metrics.rows[i].epoch + 1;
    if (!design.best_by.empty()) {
      const bool better =
          best != best || (more_is_better(design.best_by) ? judged > best : judged < best);
      if (!better) continue;
      best = judged;
    }
    result.second = std::move(values);
  }
  return result;
}

}  // namespace medley
