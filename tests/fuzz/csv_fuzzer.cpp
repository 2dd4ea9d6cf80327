// A CSV file, row by row, by the book and leniently; then what was read, written again.
#include "medley/files/csv.hpp"
#include "medley/import/mask_values.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

namespace {

struct Table {
  std::vector<std::vector<std::string>> rows;  // those without a problem, the header first
  std::uint64_t bytes = 0;                     // of all fields
};

Table read(const std::filesystem::path& path, const CsvDialect& dialect = {}) {
  CsvReader reader(path, dialect);
  Table table{{reader.header()}, 0};
  CsvRow row;
  std::uint64_t last = 1;
  while (reader.next(row)) {
    fuzz::require(row.number > last, "rows are counted upwards");
    last = row.number;
    fuzz::require(!row.fields.empty(), "a row has a field");
    for (const std::string& field : row.fields) table.bytes += field.size();
    if (!row.problem.empty()) continue;
    fuzz::require(row.fields.size() == reader.header().size(),
                  "a row without a problem has as many fields as the header");
    table.rows.push_back(row.fields);
  }
  return table;
}

std::string write(const Table& table) {
  std::string text;
  for (const auto& row : table.rows) {
    // A single empty field is quoted: an empty line is no row.
    const bool blank = row.size() == 1 && row[0].empty();
    for (std::size_t i = 0; i < row.size(); ++i)
      text += (i > 0 ? "," : "") + (blank ? std::string("\"\"") : csv_field(row[i]));
    text += "\r\n";
  }
  // A byte order mark is of the file, not of its first field.
  return text.starts_with("\xEF\xBB\xBF") ? "\xEF\xBB\xBF" + text : text;
}

// Reads what `input` holds in a dialect, writes it as a plain table, and reads that.
void check(std::string_view input, const CsvDialect& dialect) {
  Table table;
  const fuzz::InputFile file(input);
  if (!fuzz::accepted([&] { table = read(file.path(), dialect); })) return;
  // (Two bytes of UTF-16 may be three.)
  fuzz::require(table.bytes <= input.size() * 3 / 2, "fields hold no more than the file");
  const std::string text = write(table);
  for (const char* other : {"\xFF\xFE", "\xFE\xFF", "version https://git-lfs"})
    if (text.starts_with(other)) return;  // looks like UTF-16, or like what Git LFS leaves
  const fuzz::InputFile again(text);
  fuzz::require(read(again.path()).rows == table.rows, "what is written reads back");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  check(input, {});
  fuzz::accepted([&] {
    for (const MaskColour& colour : read_colours("colours", input))
      fuzz::require(!colour.name.empty() && colour.rgb <= 0xFFFFFF,
                    "a class has a name and a colour");
  });
  for (const char separator : {'\0', ';', '\t'}) check(input, {separator, true});
  return 0;
}
