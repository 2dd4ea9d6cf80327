#include "medley/files/csv.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "medley/base/error.hpp"
#include "medley/files/mapped_file.hpp"

namespace medley {
namespace {

constexpr int end_of_file = -1;
// A quote that is never closed would swallow the file: no sensible field is longer than this.
constexpr std::size_t longest_field = std::size_t{1} << 24;
constexpr std::size_t chunk_bytes = std::size_t{1} << 16;

bool ends_row(int c) { return c == '\n' || c == '\r' || c == end_of_file; }

}  // namespace

CsvReader::CsvReader(const std::filesystem::path& path, const CsvDialect& dialect)
    : name_(path.string()), dialect_(dialect) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw io_error(fmt::format("cannot open {}: {}", name_, std::strerror(errno)));
  try {
    begin();
    CsvRow row;
    if (!read_row(row)) throw data_error(name_ + " is empty: a header row is needed");
    if (!row.problem.empty())
      throw data_error(fmt::format("{}, row 1 (the header): {}", name_, row.problem));
    header_ = std::move(row.fields);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

// Looks at how the file begins.
void CsvReader::begin() {
  refill();
  const std::string_view start(buffer_.data(), buffer_.size());
  const bool little = start.starts_with("\xFF\xFE"), big = start.starts_with("\xFE\xFF");
  if ((little || big) && !dialect_.lenient)
    throw data_error(name_ + " is in UTF-16: save it as UTF-8");
  refuse_lfs_pointer(start, name_);
  if (little || big) {
    utf16_.emplace(big);
    decode();
  }
  if (std::string_view(buffer_.data(), buffer_.size()).starts_with("\xEF\xBB\xBF")) position_ = 3;
  if (dialect_.lenient) find_separator();
}

// The line sep=; of spreadsheets is no row.
void CsvReader::find_separator() {
  std::string_view text(buffer_.data() + position_, buffer_.size() - position_);
  const bool named = text.size() > 4 && text.starts_with("sep=") && !ends_row(text[4]) &&
                     (text.size() == 5 || ends_row(text[5]));
  if (named) {
    if (dialect_.separator == 0) dialect_.separator = text[4];
    position_ += 5;
    end_of_line(get());
  } else if (dialect_.separator == 0) {
    dialect_.separator = separator_of(text, at_end_, name_);
  }
}

CsvReader::~CsvReader() { ::close(fd_); }

bool CsvReader::has_column(std::string_view name) const {
  return std::find(header_.begin(), header_.end(), name) != header_.end();
}

std::size_t column_of(const std::vector<std::string>& header, std::string_view name,
                      const std::string& table) {
  const auto count = std::count(header.begin(), header.end(), name);
  if (count != 1)
    throw data_error(fmt::format("{} has {} column '{}'; its columns are: {}", table,
                                 count == 0 ? "no" : "more than one", name,
                                 fmt::join(header, ", ")));
  return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin());
}

std::size_t CsvReader::column(std::string_view name) const {
  return column_of(header_, name, name_);
}

bool CsvReader::next(CsvRow& row) {
  const auto is_blank = [&] {
    return dialect_.lenient && row.problem.empty() &&
           std::ranges::all_of(row.fields, [](const auto& field) { return field.empty(); });
  };
  do {
    if (!read_row(row)) return false;
  } while (is_blank());
  if (row.problem.empty() && row.fields.size() != header_.size())
    row.problem =
        fmt::format("{} fields where the header has {}", row.fields.size(), header_.size());
  return true;
}

void CsvReader::refill() {
  buffer_.resize(chunk_bytes);
  position_ = 0;
  std::size_t filled = 0;
  while (filled < chunk_bytes && !at_end_) {
    const ssize_t n = ::read(fd_, buffer_.data() + filled, chunk_bytes - filled);
    if (n < 0 && errno != EINTR)
      throw io_error(fmt::format("cannot read {}: {}", name_, std::strerror(errno)));
    at_end_ = n == 0;
    if (n > 0) filled += static_cast<std::size_t>(n);
  }
  buffer_.resize(filled);
  if (utf16_) decode();
}

// What was read, from UTF-16.
void CsvReader::decode() {
  std::vector<char> text;
  if (!utf16_->decode(buffer_, text) || (at_end_ && !utf16_->complete()))
    throw data_error(name_ + " is damaged: it begins as UTF-16 does, but is none");
  buffer_ = std::move(text);
}

int CsvReader::peek() {
  if (position_ == buffer_.size() && !at_end_) refill();
  return position_ == buffer_.size() ? end_of_file : static_cast<unsigned char>(buffer_[position_]);
}

int CsvReader::get() {
  const int c = peek();
  if (c != end_of_file) ++position_;
  return c;
}

// Takes the line feed of a CRLF whose carriage return was read.
void CsvReader::end_of_line(int c) {
  if (c == '\r' && peek() == '\n') get();
}

bool CsvReader::read_row(CsvRow& row) {
  row.problem.clear();
  int c = peek();
  while (c == '\n' || c == '\r') {  // empty lines
    end_of_line(get());
    ++row_;
    c = peek();
  }
  if (c == end_of_file) return false;
  row.number = ++row_;
  std::size_t count = 0;
  do {
    if (row.fields.size() == count) row.fields.emplace_back();
    read_field(row, count++);
    c = get();
  } while (c == separator());
  end_of_line(c);
  row.fields.resize(count);
  return true;
}

// Reads up to the separator or the end of the row.
void CsvReader::read_field(CsvRow& row, std::size_t number) {
  std::string& field = row.fields[number];
  field.clear();
  skip_blanks();
  const bool quoted = peek() == '"';
  if (quoted) {
    get();
    quoted_field(row, field);
  }
  for (int c = peek(); c != separator() && !ends_row(c); c = peek()) {
    get();
    if (c == '"') row.problem = fmt::format("a quote inside the unquoted field {}", number + 1);
    if (field.size() == longest_field)
      throw data_error(fmt::format("{}, row {}: a field longer than 16 MiB", name_, row.number));
    field.push_back(static_cast<char>(c));
  }
  if (!dialect_.lenient || quoted) return;
  while (!field.empty() && dialect_.is_blank(field.back())) field.pop_back();
}

void CsvReader::skip_blanks() {
  while (dialect_.lenient && dialect_.is_blank(peek())) get();
}

// Reads up to the closing quote. The caller reads on to the separator: nothing may be left before it.
void CsvReader::quoted_field(CsvRow& row, std::string& field) {
  for (;;) {
    const int c = get();
    if (c == end_of_file || field.size() == longest_field)
      throw data_error(
          fmt::format("{}, row {}: a quoted field is never closed", name_, row.number));
    if (c != '"') {
      field.push_back(static_cast<char>(c));
      continue;
    }
    if (peek() != '"') break;
    field.push_back('"');
    get();
  }
  skip_blanks();
  const int c = peek();
  if (c != separator() && !ends_row(c)) row.problem = "text after the closing quote of a field";
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::optional<std::vector<std::string>> csv_fields(std::string_view row) {
  std::vector<std::string> fields;
  for (;;) {
    std::string field;
    if (row.starts_with('"')) {
      std::size_t at = 1;
      for (; at < row.size() && (row[at] != '"' || row.substr(at).starts_with("\"\"")); ++at) {
        field += row[at];
        if (row[at] == '"') ++at;
      }
      if (at >= row.size()) return std::nullopt;
      row.remove_prefix(at + 1);
      if (!row.empty() && row.front() != ',') return std::nullopt;
    } else {
      field = row.substr(0, row.find(','));
      if (field.find('"') != std::string::npos) return std::nullopt;
      row.remove_prefix(field.size());
    }
    fields.push_back(std::move(field));
    if (row.empty()) return fields;
    row.remove_prefix(1);
  }
}

}  // namespace medley
