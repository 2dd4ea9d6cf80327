// Names of files from a stream.
#include "medley/files/name_reader.hpp"

#include <gtest/gtest.h>

#include <climits>
#include <sstream>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

std::vector<std::string> names(const std::string& text, char end) {
  std::istringstream in(text);
  NameReader reader(in, end);
  std::vector<std::string> found;
  for (std::string name; reader.next(name);) found.push_back(name);
  return found;
}

using Names = std::vector<std::string>;

TEST(NameReader, EndsNamesWhereItIsTold) {
  EXPECT_EQ(names("a.jpg\n\nb c.png", '\n'), (Names{"a.jpg", "b c.png"}));
  EXPECT_EQ(names(std::string("a\nb\0c\0", 6), '\0'), (Names{"a\nb", "c"}));
  EXPECT_EQ(names("", '\n'), Names{});
}

TEST(NameReader, TakesListsOfOtherSystems) {
  EXPECT_EQ(names("a.jpg\r\n\r\nb.jpg\r\n", '\n'), (Names{"a.jpg", "b.jpg"}));
  EXPECT_EQ(names("\xEF\xBB\xBF"
                  "a.jpg\nb\rc.jpg\r",
                  '\n'),
            (Names{"a.jpg", "b\rc.jpg"}));
  EXPECT_EQ(names("\xEF\xBB\xBF\r\na.jpg\n\xEF\xBB\xBF", '\n'), (Names{"a.jpg", "\xEF\xBB\xBF"}));
  // What ends with a zero byte is taken as it is.
  EXPECT_EQ(names(std::string("\xEF\xBB\xBF"
                              "a\r\0",
                              6),
                  '\0'),
            Names{"\xEF\xBB\xBF"
                  "a\r"});
}

TEST(NameReader, RefusesAStreamWithoutNames) {
  EXPECT_EQ(names(std::string(PATH_MAX, 'x'), '\n').size(), 1u);
  EXPECT_ERROR(names(std::string(PATH_MAX + 1, 'x'), '\n'), "3: stdin: ...longer...--null");
  const std::string utf16(
      "\xFF\xFE"
      "a\0.\0\n\0",
      8);
  EXPECT_ERROR(names(utf16, '\n'), "3: stdin: a zero byte...--null...UTF-16");
}

TEST(NameReader, TellsThatReadingFailed) {
  std::istringstream in("a\n");
  in.setstate(std::ios::badbit);
  NameReader reader(in, '\n');
  std::string name;
  EXPECT_ERROR(reader.next(name), "4: stdin cannot be read");
}

}  // namespace
}  // namespace medley
