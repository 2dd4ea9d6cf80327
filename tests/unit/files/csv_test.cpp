// CSV files as they come: line ends, quotes, byte order marks, and rows that are wrong.
#include "medley/files/csv.hpp"

#include <gtest/gtest.h>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

using Fields = std::vector<std::string>;

class Csv : public ::testing::Test {
 protected:
  struct Table {
    Fields header;
    std::vector<CsvRow> rows;
  };
  std::filesystem::path file(std::string_view text) {
    write_text(folder_ / "t.csv", text);
    return folder_ / "t.csv";
  }
  Table read(std::string_view text) {
    CsvReader reader(file(text));
    Table table{reader.header(), {}};
    for (CsvRow row; reader.next(row);) table.rows.push_back(row);
    return table;
  }
  TemporaryFolder folder_;
};

TEST_F(Csv, LineEndsOfEveryKind) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    for (const std::string& last : {end, std::string()}) {
      const Table table = read("a,b" + end + "1,2" + end + "3," + last);
      EXPECT_EQ(table.header, (Fields{"a", "b"}));
      ASSERT_EQ(table.rows.size(), 2u);
      EXPECT_EQ(table.rows[0].fields, (Fields{"1", "2"}));
      EXPECT_EQ(table.rows[1].fields, (Fields{"3", ""}));
      EXPECT_EQ(table.rows[1].number, 3u);
      EXPECT_EQ(table.rows[1].problem, "");
    }
  }
}

TEST_F(Csv, QuotedFields) {
  const Table table = read("\"a\",\"b,\"\"c\"\"\"\r\n\"1\r\n2\",\"\"\r\n\" x \",y\r\n");
  EXPECT_EQ(table.header, (Fields{"a", "b,\"c\""}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].fields, (Fields{"1\r\n2", ""}));
  EXPECT_EQ(table.rows[1].fields, (Fields{" x ", "y"}));
  EXPECT_EQ(table.rows[1].number, 3u);  // a line end inside quotes makes no row
}

TEST_F(Csv, ByteOrderMarkAndOtherAlphabets) {
  const Table table = read("\xEF\xBB\xBFимя,größe\nпальто,ü\n");
  EXPECT_EQ(table.header, (Fields{"имя", "größe"}));
  EXPECT_EQ(table.rows.at(0).fields, (Fields{"пальто", "ü"}));
  EXPECT_ERROR(read(std::string_view("\xFF\xFE"
                                     "a\0",
                                     4)),
               "3: ...UTF-16");
}

TEST_F(Csv, EmptyLinesAreCountedButSkipped) {
  const Table table = read("a\n\n1\n\r\n2\n\n");
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].number, 3u);
  EXPECT_EQ(table.rows[1].number, 5u);
}

TEST_F(Csv, WrongRowsAreGivenWithTheirProblem) {
  const Table table = read("a,b\n1\n1,2,3\nx\"y,2\n\"x\"y,2\n4,5\n");
  ASSERT_EQ(table.rows.size(), 5u);
  EXPECT_EQ(table.rows[0].problem, "1 fields where the header has 2");
  EXPECT_EQ(table.rows[1].problem, "3 fields where the header has 2");
  EXPECT_EQ(table.rows[2].problem, "a quote inside the unquoted field 1");
  EXPECT_EQ(table.rows[3].problem, "text after the closing quote of a field");
  EXPECT_EQ(table.rows[4].problem, "");
  EXPECT_EQ(table.rows[4].fields, (Fields{"4", "5"}));
}

TEST_F(Csv, WrongFiles) {
  EXPECT_ERROR(read(""), "3: ...t.csv is empty");
  EXPECT_ERROR(read("a,b\n1,2\n\"never closed,\n3,4\n"), "3: ...t.csv, row 3: ...never closed");
  EXPECT_ERROR(read("a,\"b\"c\n"), "3: ...row 1 (the header)");
  EXPECT_ERROR(read("a\n" + std::string((1 << 24) + 2, 'x')), "3: ...longer than 16 MiB");
  EXPECT_ERROR(CsvReader(folder_ / "none.csv"), "4: cannot open");
  EXPECT_ERROR(CsvReader(folder_.path()), "4: cannot read");
}

TEST_F(Csv, ColumnsByName) {
  const CsvReader reader(file("a,b,b\n"));
  EXPECT_EQ(reader.column("a"), 0u);
  EXPECT_ERROR(reader.column("c"), "3: ...has no column 'c'...a, b, b");
  EXPECT_ERROR(reader.column("b"), "3: ...more than one column 'b'");
}

TEST_F(Csv, RowsThatCrossTheBuffer) {
  std::string text = "a,b\r\n";
  for (int i = 0; i < 20'000; ++i)
    text += std::to_string(i) + ",\"q\"\"" + std::to_string(i) + "\"\r\n";
  const Table table = read(text);
  ASSERT_EQ(table.rows.size(), 20'000u);
  for (int i = 0; i < 20'000; ++i)
    ASSERT_EQ(table.rows[static_cast<std::size_t>(i)].fields,
              (Fields{std::to_string(i), "q\"" + std::to_string(i)}));
}

TEST_F(Csv, WrittenFieldsReadBack) {
  const Fields fields{"plain", "a,b", "say \"x\"", "two\nlines", "", " space "};
  std::string text = "h,h2,h3,h4,h5,h6\n";
  for (const std::string& field : fields) text += csv_field(field) + ',';
  text.back() = '\n';
  EXPECT_EQ(read(text).rows.at(0).fields, fields);
  EXPECT_EQ(csv_field("plain"), "plain");
}

TEST_F(Csv, APointerOfGitLfsIsNoTable) {
  EXPECT_ERROR(read("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
               "3: ...t.csv is a pointer of Git LFS...git lfs pull");
}

TEST(CsvFields, SplitsASingleRow) {
  EXPECT_EQ(csv_fields("small,medium,large"), (Fields{"small", "medium", "large"}));
  EXPECT_EQ(csv_fields("\"a, b\",\"say \"\"c\"\"\",,d e"),
            (Fields{"a, b", "say \"c\"", "", "d e"}));
  EXPECT_EQ(csv_fields(""), Fields{""});
  EXPECT_EQ(csv_fields(","), (Fields{"", ""}));
  EXPECT_EQ(csv_fields("\"\""), Fields{""});
  for (const char* text : {"\"", "\"a", "a\"b", "\"a\"b", "\"a\"\"", "a,\"b"})
    EXPECT_EQ(csv_fields(text), std::nullopt) << text;
}

// What a lenient reader makes of a text: its separator, then the header and each row.
std::string leniently(const std::filesystem::path& file, char separator = 0) {
  CsvReader reader(file, {.separator = separator, .lenient = true});
  std::string text(1, reader.separator());
  const auto add = [&](const Fields& fields) {
    for (const std::string& field : fields) text += "[" + field + "]";
    text += '\n';
  };
  add(reader.header());
  for (CsvRow row; reader.next(row);) row.problem.empty() ? add(row.fields) : add({row.problem});
  return text;
}

TEST_F(Csv, SeparatorsAreFoundOut) {
  for (const std::string separator : {",", ";", "\t", "|"}) {
    const std::string a = "a" + separator + "b\n", row = "1" + separator + "\"x,;|\t\"\n";
    EXPECT_EQ(leniently(file(a + row)), separator + "[a][b]\n[1][x,;|\t]\n");
  }
  EXPECT_EQ(leniently(file("a\n1\n2;3\n")), ",[a]\n[1]\n[2;3]\n");
  // A header that has two: the rows tell.
  EXPECT_EQ(leniently(file("a,b;c\n1,2\n")), ",[a][b;c]\n[1][2]\n");
  EXPECT_EQ(leniently(file("a,b;c\n1;2\n")), ";[a,b][c]\n[1][2]\n");
  EXPECT_EQ(leniently(file("\"a,b\";c\n1;2\n")), ";[a,b][c]\n[1][2]\n");
  EXPECT_ERROR(leniently(file("a,b;c\n")), "3: ...t.csv...',' or ';'...--separator");
  EXPECT_ERROR(leniently(file("a|b\tc\n1|2\t3\n")), "3: ...tab or '|'...--separator");
  EXPECT_EQ(leniently(file("a|b\tc\n1|2\t3\n"), '|'), "|[a][b\tc]\n[1][2\t3]\n");
  EXPECT_EQ(leniently(file("sep=;\r\na;b,c\r\n1;2,3\r\n")), ";[a][b,c]\n[1][2,3]\n");
  EXPECT_EQ(leniently(file("sep=\n1\n")), ",[sep=]\n[1]\n");
}

TEST_F(Csv, BlanksAndEmptyRowsOfALenientReader) {
  EXPECT_EQ(leniently(file(" a\t, \"b \" ,c d\n,,\n \"\" , ,\n1, \"2\"x ,3\n")),
            ",[a][b ][c d]\n[text after the closing quote of a field]\n");
  EXPECT_EQ(leniently(file("a\tb\n\t1\n")), "\t[a][b]\n[][1]\n");  // a tab is no blank there
  EXPECT_EQ(read(" a,b\n,\n1 ,2\n").rows.size(), 2u);              // the strict one keeps all
}

TEST_F(Csv, Utf16OfALenientReader) {
  using namespace std::string_view_literals;
  EXPECT_EQ(leniently(file("\xFF\xFE"
                           "a\0\t\0\xE4\0\r\0\n\0\x3D\xD8\x00\xDE\t\0\xAC\x20\n\0"sv)),
            "\t[a][ä]\n[😀][€]\n");
  EXPECT_EQ(leniently(file("\xFE\xFF\0a\0;\0b"sv)), ";[a][b]\n");
  for (const auto text : {"\xFF\xFE\x3D\xD8"
                          "a\0"sv,
                          "\xFF\xFE\x00\xDE"sv,
                          "\xFF\xFE"
                          "a"sv,
                          "\xFF\xFE"
                          "a\0\x3D\xD8"sv})
    EXPECT_ERROR(leniently(file(text)), "3: ...t.csv is damaged: it begins as UTF-16 does");
  // Longer than what is read at once.
  std::string wide = "\xFF\xFE", narrow;
  for (const char c : "a;b\n" + std::string(100'000, 'x') + ";1\n") wide += std::string{c, '\0'};
  EXPECT_EQ(leniently(file(wide)), ";[a][b]\n[" + std::string(100'000, 'x') + "][1]\n");
}

}  // namespace
}  // namespace medley
