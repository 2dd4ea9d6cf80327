// Names of files from a stream.
#include "name_reader.hpp"

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

TEST(NameReader, RefusesAStreamWithoutNames) {
  EXPECT_EQ(names(std::string(PATH_MAX, 'x'), '\n').size(), 1u);
  EXPECT_ERROR(names(std::string(PATH_MAX + 1, '\0'), '\n'), "3: stdin: ...longer...--null");
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
