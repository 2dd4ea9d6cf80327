// Texts of a column that become classes.
#include "medley/import/class_texts.hpp"

#include <gtest/gtest.h>

namespace medley {
namespace {

using Texts = std::vector<std::string>;
using Indices = std::vector<std::uint32_t>;

Texts sorted(Texts texts) {
  sort_class_texts(texts);
  return texts;
}

TEST(ClassTexts, NumbersByValueHoweverTheyAreWritten) {
  EXPECT_EQ(sorted({"10.0", "2.0", "1.0", "0.0"}), (Texts{"0.0", "1.0", "2.0", "10.0"}));
  EXPECT_EQ(sorted({"1e1", "+2", " 1", "-3", ".5"}), (Texts{"-3", ".5", " 1", "+2", "1e1"}));
  EXPECT_EQ(sorted({"9007199254740993", "9007199254740992"}),
            (Texts{"9007199254740992", "9007199254740993"}));
  EXPECT_EQ(sorted({"b", "10", "9"}), (Texts{"10", "9", "b"}));  // mixed: bytewise
  EXPECT_EQ(sorted({"inf", "2", "10"}), (Texts{"10", "2", "inf"}));
  EXPECT_EQ(sorted({"1,5", "10", "2"}), (Texts{"1,5", "10", "2"}));
}

TEST(ClassTexts, BooleansFalseFirst) {
  EXPECT_EQ(sorted({"TRUE", "false"}), (Texts{"false", "TRUE"}));
  EXPECT_EQ(sorted({"N", "t"}), (Texts{"N", "t"}));
  EXPECT_EQ(sorted({"YES", "no", "x"}), (Texts{"YES", "no", "x"}));
}

TEST(ClassTexts, EqualNumbersAreOneClass) {
  EXPECT_EQ(same_classes(Texts{"1.0", "2", "1", "+2.0", "01", "1e0"}, false),
            (Indices{0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(same_classes(Texts{"0", "-0.0"}, false), (Indices{0, 0}));
  EXPECT_EQ(same_classes(Texts{"1.0", "1", "x"}, false), (Indices{0, 1, 2}));
  EXPECT_EQ(same_classes(Texts{"9007199254740992", "9007199254740993"}, false), (Indices{0, 1}));
  EXPECT_EQ(same_classes(Texts{}, true), Indices{});
}

TEST(ClassTexts, SpellingsOfABooleanWhereTwoClassesAreWanted) {
  EXPECT_EQ(same_classes(Texts{"True", "no", "1", "FALSE"}, true), (Indices{0, 1, 0, 1}));
  EXPECT_EQ(same_classes(Texts{"True", "no", "1", "FALSE"}, false), (Indices{0, 1, 2, 3}));
  EXPECT_EQ(same_classes(Texts{"True", "no", "perhaps"}, true), (Indices{0, 1, 2}));
  EXPECT_EQ(same_classes(Texts{"1", "t", "true", "y", "yes", "0", "f", "false", "n", "no"}, true),
            (Indices{0, 0, 0, 0, 0, 5, 5, 5, 5, 5}));
}

TEST(ClassTexts, SpellingsOfWhatIsNotKnown) {
  for (const char* text :
       {"NA", "N/A", "n/a", "NaN", "nan", "None", "null", "NULL", "<NA>", " NA "})
    EXPECT_TRUE(spells_missing(text)) << text;
  for (const char* text : {"", "none", "na", "no", "Nancy", "unknown"})
    EXPECT_FALSE(spells_missing(text)) << text;
}

}  // namespace
}  // namespace medley
