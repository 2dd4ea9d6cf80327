// CSV as in RFC 4180: a streaming reader and the quoting of a field.
//
// Fields are separated by commas; a field in double quotes may hold commas, line ends and doubled
// quotes. Rows end with LF, CRLF or CR; the last end may be missing. A UTF-8 byte order mark is
// skipped. Bytes are kept as they are; nothing is trimmed. Empty lines are skipped. Tables that people
// and spreadsheets make are read with another dialect.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medley/files/utf16.hpp"

namespace medley {

struct CsvDialect {
  // Between fields; 0: found out, see separator_of.
  char separator = ',';
  // Blanks around fields are skipped unless they are within quotes, and so are rows of empty fields; a
  // first line such as sep=; names the separator, as spreadsheets have it; UTF-16 is read.
  bool lenient = false;

  bool is_blank(int c) const { return c == ' ' || (c == '\t' && separator != '\t'); }
};

// The separator of a table that begins with `text`: the one of , ; | and tab that its header has
// outside of quotes (none: a comma); of several, the one of which more of the first hundred rows have
// as many as the header. Throws data_error, which begins with `name`, if two are alike in that.
// `whole`: the text ends with the table, not within a row.
char separator_of(std::string_view text, bool whole, const std::string& name);

struct CsvRow {
  // Counted as a spreadsheet does: the header is row 1.
  std::uint64_t number = 0;
  std::vector<std::string> fields;
  // What is wrong with the row (quotes out of place, too few or too many fields); empty if nothing.
  std::string problem;
};

// Index of the column of a name. Throws data_error listing the columns if there is not exactly one.
std::size_t column_of(const std::vector<std::string>& header, std::string_view name,
                      const std::string& table);

class CsvReader {
 public:
  // Opens the file and reads its header. Throws io_error if it cannot be read, data_error if the
  // header cannot.
  explicit CsvReader(const std::filesystem::path& path, const CsvDialect& dialect = {});
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  const std::vector<std::string>& header() const { return header_; }
  // As column_of.
  std::size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const;

  // Reads the next row into `row`, reusing its memory; false at the end. A row with a problem is
  // given, not thrown: the caller decides whether it is left out. Throws io_error if reading fails,
  // data_error if a quoted field never ends.
  bool next(CsvRow& row);

  const std::string& name() const { return name_; }
  char separator() const { return dialect_.separator; }

 private:
  void begin();
  void find_separator();
  void refill();
  void decode();
  int peek();
  int get();
  bool read_row(CsvRow& row);
  void read_field(CsvRow& row, std::size_t number);
  void skip_blanks();
  void quoted_field(CsvRow& row, std::string& field);
  void end_of_line(int c);

  std::string name_;
  CsvDialect dialect_;
  int fd_ = -1;
  std::vector<char> buffer_;
  std::size_t position_ = 0;
  std::optional<Utf16Decoder> utf16_;
  bool at_end_ = false;  // of the file, whose last bytes are in the buffer
  std::uint64_t row_ = 0;
  std::vector<std::string> header_;
};

// The field as it is written into a CSV file: quoted where it must be.
std::string csv_field(std::string_view text);

// The fields of a single row; nothing where quotes are out of place.
std::optional<std::vector<std::string>> csv_fields(std::string_view row);

}  // namespace medley
