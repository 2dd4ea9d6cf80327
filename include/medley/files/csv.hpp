// CSV as in RFC 4180: a streaming reader and the quoting of a field.
//
// Fields are separated by commas; a field in double quotes may hold commas, line ends and doubled
// quotes. Rows end with LF, CRLF or CR; the last end may be missing. A UTF-8 byte order mark is
// skipped. Bytes are kept as they are; nothing is trimmed. Empty lines are skipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace medley {

struct CsvRow {
  // Counted as a spreadsheet does: the header is row 1.
  std::uint64_t number = 0;
  std::vector<std::string> fields;
  // What is wrong with the row (quotes out of place, too few or too many fields); empty if nothing.
  std::string problem;
};

class CsvReader {
 public:
  // Opens the file and reads its header. Throws io_error if it cannot be read, data_error if the
  // header cannot.
  explicit CsvReader(const std::filesystem::path& path);
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  const std::vector<std::string>& header() const { return header_; }
  // Index of a column. Throws data_error listing the columns if there is not exactly one of the
  // name.
  std::size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const;

  // Reads the next row into `row`, reusing its memory; false at the end. A row with a problem is
  // given, not thrown: the caller decides whether it is left out. Throws io_error if reading fails,
  // data_error if a quoted field never ends.
  bool next(CsvRow& row);

  const std::string& name() const { return name_; }

 private:
  int peek();
  int get();
  bool read_row(CsvRow& row);
  void quoted_field(CsvRow& row, std::string& field);
  void end_of_line(int c);

  std::string name_;
  int fd_ = -1;
  std::vector<char> buffer_;
  std::size_t position_ = 0, filled_ = 0;
  std::uint64_t row_ = 0;
  std::vector<std::string> header_;
};

// The field as it is written into a CSV file: quoted where it must be.
std::string csv_field(std::string_view text);

// The fields of a single row; nothing where quotes are out of place.
std::optional<std::vector<std::string>> csv_fields(std::string_view row);

}  // namespace medley
