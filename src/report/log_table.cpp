#include "medley/report/log_table.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <set>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/files/csv.hpp"

namespace medley::page {

namespace {

// Calls `each(column, cell)` for the fields of a line, quotes left as they are; returns their number.
template <class Each>
std::size_t for_each_field(std::string_view line, Each&& each) {
  std::size_t column = 0, begin = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && line[i] == '"') quoted = !quoted;
    if (i < line.size() && (quoted || line[i] != ',')) continue;
    each(column++, line.substr(begin, i - begin));
    begin = i + 1;
  }
  return column;
}

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

LogTable::LogTable(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
  const std::string_view all = without_byte_order_mark(text_);
  std::size_t begin = text_.size() - all.size();
  for (std::size_t end; (end = text_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string_view line = without_end(std::string_view(text_).substr(begin, end - begin));
    if (header_.empty()) {
      header_ = csv_fields(line).value_or(std::vector<std::string>{});
      if (header_.empty()) return;
      continue;
    }
    if (line.empty()) continue;
    if (for_each_field(line, [](std::size_t, std::string_view) {}) == header_.size()) {
      rows_.push_back({begin, line.size()});
    } else {
      ++misfits_;
    }
  }
}

std::optional<LogTable> LogTable::read(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw io_error(path.string() + ": cannot be read");
  LogTable table(path.filename().string(), std::move(text));
  if (table.header_.empty()) return std::nullopt;
  return table;
}

std::optional<std::size_t> LogTable::column(std::string_view name) const {
  const auto found = std::ranges::find(header_, name);
  if (found == header_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header_.begin());
}

std::string_view LogTable::line(std::size_t row) const {
  return std::string_view(text_).substr(rows_[row].begin, rows_[row].size);
}

std::vector<std::string> LogTable::fields(std::size_t row) const {
  std::vector<std::string> fields = csv_fields(line(row)).value_or(std::vector<std::string>{});
  fields.resize(header_.size());
  return fields;
}

std::string LogTable::cell(std::size_t row, std::string_view name) const {
  const std::optional<std::size_t> wanted = column(name);
  return wanted ? fields(row)[*wanted] : std::string{};
}

std::string LogTable::csv(const std::vector<std::size_t>& rows) const {
  std::string text;
  for (const std::string& name : header_) text += (text.empty() ? "" : ",") + csv_field(name);
  text += '\n';
  for (const std::size_t row : rows) (text += line(row)) += '\n';
  return text;
}

std::vector<std::size_t> LogTable::all_rows() const {
  std::vector<std::size_t> rows(size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

namespace {

// Rows of one split that have the same cells filled.
struct RowKind {
  std::vector<std::size_t> rows;
  struct Extreme {
    double least, greatest;
    std::size_t least_row, greatest_row;
  };
  std::map<std::size_t, Extreme> extremes;  // by column

  void look_at(std::size_t row, std::size_t column, std::string_view cell) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (error != std::errc{}) return;
    const auto [at, is_new] = extremes.try_emplace(column, Extreme{value, value, row, row});
    Extreme& e = at->second;
    if (value < e.least) e.least = value, e.least_row = row;
    if (value > e.greatest) e.greatest = value, e.greatest_row = row;
  }
};

std::vector<RowKind> kinds_of(const LogTable& table) {
  std::map<std::string, RowKind> kinds;
  const std::size_t split = table.column("split").value_or(table.header().size());
  std::vector<std::string_view> cells(table.header().size());
  std::string key;
  for (std::size_t row = 0; row < table.size(); ++row) {
    key.clear();
    for_each_field(table.line(row), [&](std::size_t column, std::string_view cell) {
      cells[column] = cell;
      if (column == split) key += cell;
      key += cell.empty() ? '-' : '+';
    });
    RowKind& kind = kinds[key];
    kind.rows.push_back(row);
    for (std::size_t c = 0; c < cells.size(); ++c) {
      if (c != split && !cells[c].empty()) kind.look_at(row, c, cells[c]);
    }
  }
  std::vector<RowKind> list;
  for (auto& [name, kind] : kinds) list.push_back(std::move(kind));
  std::ranges::sort(list, {}, [](const RowKind& kind) { return kind.rows.size(); });
  return list;
}

}  // namespace

std::vector<std::size_t> thinned(const LogTable& table, std::size_t bound) {
  if (table.size() <= bound) return table.all_rows();
  std::set<std::size_t> chosen;
  std::vector<RowKind> kinds = kinds_of(table);
  std::size_t left = bound, kinds_left = kinds.size();
  for (const RowKind& kind : kinds) {
    const std::size_t n = kind.rows.size();
    const std::size_t count = std::min(n, std::max<std::size_t>(left / kinds_left--, 2));
    for (std::size_t i = 0; i < count; ++i)
      chosen.insert(kind.rows[count == 1 ? 0 : i * (n - 1) / (count - 1)]);
    for (const auto& [column, e] : kind.extremes) {
      chosen.insert(e.least_row);
      chosen.insert(e.greatest_row);
    }
    left -= std::min(left, count);
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace medley::page
