// Sentences are made while compiling, so all is asserted there.
#include "medley/base/sentence.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace medley::testing {
namespace {

static_assert(Sentence{}.empty() && Sentence{}.size() == 0);
static_assert(Sentence{"head ", std::string_view("kind"), Sentence{": "}, 3, "x", 0}.view() ==
              "head kind: 3x0");
static_assert(Sentence{-120, " ", std::numeric_limits<int>::min(), " ", std::size_t{1} << 62}
                  .view() == "-120 -2147483648 4611686018427387904");

static_assert(Sentence{0.0, " ", -2.5, " ", 100.0, " ", 1.0 / 3.0}.view() == "0 -2.5 100 0.333333");
static_assert(Sentence{0.1, " ", 1e-4, " ", 123456.0, " ", 0.00001}.view() ==
              "0.1 0.0001 123456 0.00001");
static_assert(Sentence{1e6, " ", 1.5e-8, " ", -1e30, " ", 999999.9}.view() ==
              "1e6 1.5e-8 -1e30 1e6");
static_assert(Sentence{std::numeric_limits<double>::infinity(), " ",
                       -std::numeric_limits<double>::infinity(), " ",
                       std::numeric_limits<double>::quiet_NaN()}
                  .view() == "inf -inf nan");

static_assert(first_of(Sentence{}, Sentence{"one"}, Sentence{"two"}).view() == "one");
static_assert(first_of(Sentence{}, Sentence{}).empty());

TEST(Sentence, IsCutWhereItGrowsTooLong) {
  Sentence sentence;
  for (std::size_t i = 0; i < Sentence::capacity; i += 8) sentence.add({"eight..."});
  EXPECT_EQ(sentence.size(), Sentence::capacity);
  sentence.add({"more"});
  EXPECT_EQ(sentence.size(), Sentence::capacity);
  EXPECT_TRUE(is_right<Sentence{}>);
}

}  // namespace
}  // namespace medley::testing
