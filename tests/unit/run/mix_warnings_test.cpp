// What is said of mixes before a training and while it goes on.
#include "medley/run/mix_warnings.hpp"

#include <gtest/gtest.h>

#include "medley/mixes/auto_lambda.hpp"
#include "medley/mixes/log_sum.hpp"
#include "medley/mixes/upgrad.hpp"

namespace medley::testing {
namespace {

Description described(const MixChoice& choice, bool one_head, int losses = 2) {
  Description d;
  for (const char* name : {"a", "b"}) {
    TermInfo term;
    term.name = name;
    term.head = one_head ? "a" : name;
    d.terms.push_back(term);
  }
  GroupInfo group;
  group.name = "all";
  group.term_set = losses == 2 ? 3 : 1;
  group.losses = losses;
  group.mix = choice;
  d.groups = {group};
  return d;
}

TEST(MixWarnings, BeforeATraining) {
  const MixChoice output{UpGrad{}, {.gradients = Composition::output}};
  EXPECT_EQ(mix_warnings(described(output, false), true).size(), 0u);
  ASSERT_EQ(mix_warnings(described(output, true), true).size(), 1u);
  EXPECT_NE(mix_warnings(described(output, true), true)[0].find("two losses are on one head"),
            std::string::npos);
  EXPECT_EQ(mix_warnings(described({UpGrad{}, {}}, true), true).size(), 0u);
  EXPECT_EQ(mix_warnings(described({UpGrad{}, {}}, false, 1), true).size(), 1u);
  EXPECT_EQ(mix_warnings(described({WeightedSum{}, {}}, false, 1), true).size(), 0u);
  EXPECT_EQ(mix_warnings(described({AutoLambda{}, {}}, false), true).size(), 0u);
  EXPECT_EQ(mix_warnings(described({AutoLambda{}, {}}, false), false).size(), 1u);
}

// Of so many steps with this flag and value of the first loss: after which something was said.
int said_after(MixWatch& watch, MixFlags flags, double value, int steps) {
  StepReport report;
  report.mix_flags[0] = flags;
  report.value = {value, 1.0};
  report.measured = {true, true};
  for (int step = 1; step <= steps; ++step) {
    Line<8192> line;
    watch.add(report, line);
    if (!line.view().empty()) return step;
  }
  return 0;
}

TEST(MixWatch, AFlagThatStandsIsToldOnce) {
  const Description d = described({UpGrad{}, {}}, false);
  const MixFlags clamped = MixFlags{1} << static_cast<int>(MixFlag::clamped);
  MixWatch watch(d);
  EXPECT_EQ(said_after(watch, clamped, 1.0, 49), 0);
  EXPECT_EQ(said_after(watch, 0, 1.0, 10), 0);
  EXPECT_EQ(said_after(watch, clamped, 1.0, 100), 11);
  EXPECT_EQ(said_after(watch, clamped, 1.0, 200), 0);
}

TEST(MixWatch, ALossOfZeroIsToldWhereTheMixDividesByIt) {
  const Description divides = described({LogSum{}, {}}, false),
                    plain = described({UpGrad{}, {}}, false);
  MixWatch first(divides), second(plain);
  EXPECT_EQ(said_after(first, 0, 0.0, 100), 50);
  EXPECT_EQ(said_after(second, 0, 0.0, 100), 0);
}

}  // namespace
}  // namespace medley::testing
