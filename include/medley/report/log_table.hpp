// A CSV file of a run or study as it stands, whose cells are shown with the digits that they have.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace medley::page {

class LogTable {
 public:
  LogTable() = default;
  // A text whose first line is the header. A last line without its end is still being written, and
  // rows that have not as many fields as the header are none: both are left out.
  LogTable(std::string name, std::string text);
  // Nothing where there is no such file, or not even a header in it yet. Throws io_error.
  static std::optional<LogTable> read(const std::filesystem::path& path);

  const std::string& name() const { return name_; }
  const std::vector<std::string>& header() const { return header_; }
  std::optional<std::size_t> column(std::string_view name) const;
  std::size_t size() const { return rows_.size(); }
  std::size_t bytes() const { return text_.size(); }
  // Rows that were left out since their fields do not fit the header, the last one apart.
  std::size_t misfits() const { return misfits_; }

  std::string_view line(std::size_t row) const;
  // Quotes undone.
  std::vector<std::string> fields(std::size_t row) const;
  // Empty where there is no such column.
  std::string cell(std::size_t row, std::string_view column) const;

  // The header and these rows as CSV, lines ended by \n.
  std::string csv(const std::vector<std::size_t>& rows) const;
  std::vector<std::size_t> all_rows() const;

 private:
  struct Extent {
    std::size_t begin, size;
  };
  std::string name_, text_;
  std::vector<std::string> header_;
  std::vector<Extent> rows_;
  std::size_t misfits_ = 0;
};

// Rows to draw of a table of which all would be too many: of each kind of rows (those of one split that
// have the same cells filled: validation, or where norms were measured) evenly chosen ones, small kinds
// whole; and those with the least and the greatest number of each column, so that no peak is lost. About
// `bound` of them, rising; rows are never averaged.
std::vector<std::size_t> thinned(const LogTable& table, std::size_t bound);

}  // namespace medley::page
