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

bool ends_row(int c) { return c == '\n' || c == '\r' || c == end_of_file; }

}  // namespace

CsvReader::CsvReader(const std::filesystem::path& path) : name_(path.string()), buffer_(1 << 16) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw io_error(fmt::format("cannot open {}: {}", name_, std::strerror(errno)));
  try {
    peek();
    const std::string_view start(buffer_.data(), filled_);
    if (start.starts_with("\xFF\xFE") || start.starts_with("\xFE\xFF"))
      throw data_error(name_ + " is in UTF-16: save it as UTF-8");
    refuse_lfs_pointer(start, name_);
    if (start.starts_with("\xEF\xBB\xBF")) position_ = 3;
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

CsvReader::~CsvReader() { ::close(fd_); }

bool CsvReader::has_column(std::string_view name) const {
  return std::find(header_.begin(), header_.end(), name) != header_.end();
}

std::size_t CsvReader::column(std::string_view name) const {
  const auto count = std::count(header_.begin(), header_.end(), name);
  if (count != 1)
    throw data_error(fmt::format("{} has {} column '{}'; its columns are: {}", name_,
                                 count == 0 ? "no" : "more than one", name,
                                 fmt::join(header_, ", ")));
  return static_cast<std::size_t>(std::find(header_.begin(), header_.end(), name) -
                                  header_.begin());
}

bool CsvReader::next(CsvRow& row) {
  if (!read_row(row)) return false;
  if (row.problem.empty() && row.fields.size() != header_.size())
    row.problem =
        fmt::format("{} fields where the header has {}", row.fields.size(), header_.size());
  return true;
}

int CsvReader::peek() {
  if (position_ < filled_) return static_cast<unsigned char>(buffer_[position_]);
  ssize_t n = 0;
  do {
    n = ::read(fd_, buffer_.data(), buffer_.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) throw io_error(fmt::format("cannot read {}: {}", name_, std::strerror(errno)));
  position_ = 0;
  filled_ = static_cast<std::size_t>(n);
  return n == 0 ? end_of_file : static_cast<unsigned char>(buffer_[0]);
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
    std::string& field = row.fields[count++];
    field.clear();
    if (peek() == '"') {
      get();
      quoted_field(row, field);
    }
    for (c = get(); c != ',' && !ends_row(c); c = get()) {
      if (c == '"') row.problem = fmt::format("a quote inside the unquoted field {}", count);
      if (field.size() == longest_field)
        throw data_error(fmt::format("{}, row {}: a field longer than 16 MiB", name_, row.number));
      field.push_back(static_cast<char>(c));
    }
  } while (c == ',');
  end_of_line(c);
  row.fields.resize(count);
  return true;
}

// Reads up to the closing quote. The caller reads on to the comma: nothing may be left before it.
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
  const int c = peek();
  if (c != ',' && !ends_row(c)) row.problem = "text after the closing quote of a field";
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
