// Names in other Unicode forms. (NFD is written with \\u escapes: editors and tools compose it.)
#include "medley/files/unicode_form.hpp"

#include <gtest/gtest.h>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

TEST(OtherForm, MarksMayBeApartFromTheirLetter) {
  const std::pair<const char*, const char*> same[]{
      {"caf\u00E9.png", "cafe\u0301.png"},  // French
      {"\u1EBFch", "e\u0302\u0301ch"},      // Vietnamese: two marks on a letter
      {"\u1EBFch", "\u00EA\u0301ch"},       // one of them composed
      {"\u0439", "\u0438\u0306"},           // Cyrillic
      {"\uD55C", "\u1112\u1161\u11AB"},     // Korean
      {"\u304C", "\u304B\u3099"},           // Japanese
      {"\u00E4\u00F6", "a\u0308o\u0308"},   // German
  };
  for (const auto& [composed, apart] : same) {
    EXPECT_TRUE(may_be_other_form(composed, apart)) << composed;
    EXPECT_TRUE(may_be_other_form(apart, composed)) << composed;
  }
}

TEST(OtherForm, OtherNamesAreOther) {
  const std::pair<const char*, const char*> other[]{
      {"cafe", "cafe"},              // the same
      {"cafe", "caf\u00E9"},         // without any mark
      {"cafe", "cafe\u0301"},        // a plain letter has no mark in it
      {"caf\u00E9s", "cafe\u0301"},  // longer
      {"caf\u00E9", "caf\u00E8"},    // both composed
      {"\xFF", "y\u0308"},           // no UTF-8
      {"", "\u0301"},
  };
  for (const auto& [a, b] : other) EXPECT_FALSE(may_be_other_form(a, b)) << a << " " << b;
}

TEST(OtherForm, FilesAreFoundThroughFolders) {
  const TemporaryFolder folder;
  const auto apart = folder / "Go\u0308teborg";
  std::filesystem::create_directories(apart);
  write_text(apart / "cafe\u0301.png", "x");
  write_text(folder / "plain.png", "x");
  EXPECT_EQ(file_in_other_form(folder / "G\u00F6teborg" / "caf\u00E9.png"),
            apart / "cafe\u0301.png");
  EXPECT_EQ(file_in_other_form(folder / "G\u00F6teborg" / "cafe.png"), "");
  EXPECT_EQ(file_in_other_form(folder / "plain.png"), "");
  EXPECT_EQ(file_in_other_form(folder / "none" / "plain.png"), "");
}

}  // namespace
}  // namespace medley
