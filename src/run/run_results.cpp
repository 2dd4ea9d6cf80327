#include "medley/run/run_results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <tuple>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/files/safetensors.hpp"
#include "medley/run/best.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/run_checkpoints.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

// The lines of a file, without their ends. (The rows of these logs have no line ends inside.) It is
// read, not mapped: a run that is resumed cuts its logs.
class Lines {
 public:
  explicit Lines(const fs::path& path) : name_(path.string()) {
    std::ifstream file(path, std::ios::binary);
    text_.assign(std::istreambuf_iterator<char>(file), {});
    if (!file.is_open() || file.bad()) throw io_error(fmt::format("{}: cannot be read", name_));
    rest_ = text_;
  }
  // Forgets a last line that has no end.
  void drop_half_a_line() { rest_ = rest_.substr(0, rest_.rfind('\n') + 1); }
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    line = rest_.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++number_;
    return true;
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw data_error(fmt::format("{}: line {}: {}", name_, number_, what));
  }

 private:
  std::string name_, text_;
  std::string_view rest_;  // of the text
  std::size_t number_ = 0;
};

void split_fields(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  for (std::size_t comma; (comma = line.find(',')) != std::string_view::npos;) {
    fields.push_back(line.substr(0, comma));
    line.remove_prefix(comma + 1);
  }
  fields.push_back(line);
}

template <class T>
T number_of(std::string_view field, const Lines& lines) {
  T value{};
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc{} || end != field.data() + field.size())
    lines.fail(fmt::format("'{}' is not a number", printable(field)));
  return value;
}

// "kind.value" of losses.csv is "term.kind" here, and so on.
std::string name_of(std::string_view column) {
  using Pair = std::pair<std::string_view, std::string_view>;
  for (const auto& [end, start] : {Pair{".value", "term."}, Pair{".weight", "weight."},
                                   Pair{".gradient_norm", "gradient_norm."}}) {
    if (column.ends_with(end))
      return std::string(start).append(column.substr(0, column.size() - end.size()));
  }
  return std::string(column);
}

using Key = std::tuple<std::uint64_t, std::uint64_t, std::string>;

// Reads a log and calls f(key, values), with one value a column after epoch, step and split.
template <class F>
std::vector<std::string> read_log(const fs::path& path, F&& f) {
  Lines lines(path);
  lines.drop_half_a_line();
  std::vector<std::string> columns;
  std::string_view line;
  std::vector<std::string_view> fields;
  if (!lines.next(line)) return columns;  // not begun yet
  split_fields(line, fields);
  if (fields.size() < 3 || fields[0] != "epoch" || fields[1] != "step" || fields[2] != "split")
    lines.fail("the header does not begin with epoch,step,split");
  columns.assign(fields.begin() + 3, fields.end());
  std::vector<double> values(columns.size());
  while (lines.next(line)) {
    split_fields(line, fields);
    if (fields.size() != columns.size() + 3)
      lines.fail(fmt::format("{} cells, the header has {}", fields.size(), columns.size() + 3));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string_view field = fields[i + 3];
      values[i] = field.empty() ? std::numeric_limits<double>::quiet_NaN()
                                : number_of<double>(field, lines);
    }
    f(Key{number_of<std::uint64_t>(fields[0], lines), number_of<std::uint64_t>(fields[1], lines),
          std::string(fields[2])},
      values);
  }
  return columns;
}

void read_config(const fs::path& path, RunResults& results) {
  Lines lines(path);
  constexpr std::string_view start = "# Options of this run of medley-";
  std::string_view line;
  bool first = true;
  while (lines.next(line)) {
    if (std::exchange(first, false)) line = without_byte_order_mark(line);
    line = stripped(line);
    if (line.starts_with(start)) {
      const std::string_view rest = line.substr(start.size());
      results.experiment = rest.substr(0, rest.find(';'));
    }
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
      lines.fail(fmt::format("'{}' is not of the form name = value", printable(line)));
    results.options.emplace_back(stripped(line.substr(0, equals)),
                                 stripped(line.substr(equals + 1)));
  }
}

// Rows of losses.csv, with the numbers of metrics.csv of the same moment and split.
void read_rows(RunResults& results) {
  std::map<Key, std::size_t> places;
  const auto add = [&](const Key& key) {
    places.insert_or_assign(key, results.rows.size());
    return &results.rows.emplace_back(
        ResultRow{std::get<0>(key), std::get<1>(key), std::get<2>(key), {}});
  };
  for (const std::string& column : read_log(
           results.path / "losses.csv",
           [&](const Key&key, const std::vector<double>&values) { add(key)->values = values; }))
    results.names.push_back(name_of(column));
  const std::size_t first = results.names.size();
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::string> metrics = read_log(
      results.path / "metrics.csv", [&](const Key& key, const std::vector<double>& values) {
        const auto found = places.find(key);
        ResultRow& row = found == places.end() ? *add(key) : results.rows[found->second];
        row.values.resize(first, none);
        row.values.insert(row.values.end(), values.begin(), values.end());
      });
  results.names.insert(results.names.end(), metrics.begin(), metrics.end());
  for (ResultRow& row : results.rows) {
    row.values.resize(results.names.size(), none);
    results.done = std::max(results.done, row.step);
  }
}

std::optional<std::uint64_t> option_number(const RunResults& results, const char* name) {
  const auto texts = results.option(name);
  if (texts.empty()) return {};
  const NumberRead<std::uint64_t> read = read_number<std::uint64_t>(texts.back());
  if (!read)
    throw data_error(fmt::format("{}: {} = {} {}", (results.path / "config.ini").string(), name,
                                 printable(texts.back()), read.fault));
  return read.value;
}

// What the last checkpoint knows; it is replaced as a whole by a run that is going on.
void read_progress(RunResults& results) {
  results.length = option_number(results, "steps");
  std::error_code error;
  const fs::path file = checkpoint_file(results.path);
  if (fs::exists(file, error)) {
    const SafetensorsFile checkpoint(file);
    const auto field = [&](std::string_view name) -> std::optional<std::uint64_t> {
      const std::string* const text = checkpoint.metadata(name);
      if (!text) return {};
      const NumberRead<std::uint64_t> read = read_number<std::uint64_t>(*text);
      return read ? std::optional(read.value) : std::nullopt;
    };
    const auto rounds = field(checkpoint_field::rounds), end = field(checkpoint_field::end);
    const auto epochs = option_number(results, "epochs");
    if (!results.length && rounds && epochs) results.length = *rounds * *epochs;
    if (end == static_cast<std::uint64_t>(RunEnd::closed)) results.status = RunStatus::complete;
  }
  if (results.status != RunStatus::complete && fs::exists(results.path / "diverged.csv", error))
    results.status = RunStatus::diverged;
}

void find_best(RunResults& results) {
  if (results.names.empty()) return;
  std::vector<std::string> texts;
  for (const std::string_view text : results.option("best")) texts.emplace_back(text);
  if (texts.empty()) texts = {"total"};
  std::vector<Criterion> criteria;
  std::vector<std::size_t> places;
  bool trains = false;
  for (const std::string& text : texts) {
    const auto found = find_criterion(text, results.names);
    if (!found || criteria.size() == most_criteria)
      throw data_error(
          fmt::format("{}: best = {}: there is no such number in losses.csv and "
                      "metrics.csv",
                      (results.path / "config.ini").string(), printable(text)));
    criteria.push_back(*found);
    places.push_back(*results.index(found->name));
    trains = trains || found->split == Split::train;
  }
  BestSoFar best;
  for (const ResultRow& row : results.rows) {
    if (row.split != (trains ? whole_train : to_string(Split::validation))) continue;
    std::array<double, most_criteria> values{};
    for (std::size_t i = 0; i < criteria.size(); ++i) {
      const ResultRow* const of =
          criteria[i].split == Split::train ? &row : results.row("validation", row.step);
      values[i] = of ? of->values[places[i]] : std::numeric_limits<double>::quiet_NaN();
    }
    best.add(row.step, criteria, values);
  }
  if (best.step > 0) results.best_step = best.step;
}

}  // namespace

std::vector<std::string_view> RunResults::option(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : options) {
    if (key == name) values.emplace_back(value);
  }
  return values;
}

std::optional<std::size_t> RunResults::index(std::string_view name) const {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return {};
  return static_cast<std::size_t>(found - names.begin());
}

const ResultRow* RunResults::row(std::string_view split, std::uint64_t step) const {
  const auto found = std::ranges::find_if(
      rows, [&](const ResultRow& row) { return row.step == step && row.split == split; });
  return found == rows.end() ? nullptr : &*found;
}

const ResultRow* RunResults::last_row(std::string_view split) const {
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (row->split == split) return &*row;
  }
  return nullptr;
}

double RunResults::value(const ResultRow& row, std::string_view name) const {
  const auto place = index(name);
  return place ? row.values[*place] : std::numeric_limits<double>::quiet_NaN();
}

RunResults read_run(const fs::path& run) {
  RunResults results;
  results.path = run;
  std::error_code error;
  if (!fs::is_regular_file(run / "config.ini", error))
    throw io_error(fmt::format("{}: is no run folder: there is no config.ini", run.string()));
  read_config(run / "config.ini", results);
  if (fs::exists(run / "losses.csv", error) && fs::exists(run / "metrics.csv", error))
    read_rows(results);
  read_progress(results);
  find_best(results);
  return results;
}

}  // namespace medley
