// The options of a range test, and what they make of a training.
#include "medley/study/range_test.hpp"

#include <gtest/gtest.h>

#include "medley/mixes/weighted_sum.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

Description two_groups() {
  Description d;
  for (const char* name : {"slow", "fast"}) {
    d.groups.push_back({});
    d.groups.back().name = name;
    d.groups.back().learning_rate = name == std::string("fast") ? 0.02 : 0.005;
  }
  d.mixes = {WeightedSum{}};
  d.memory.slots = 4;
  return d;
}

RangeTestOptions parsed(Arguments arguments) {
  arguments.insert(arguments.begin(), {"--out", "run"});
  return *parse_range_test(arguments, two_groups());
}

TEST(RangeTest, TheFastestGroupHasTheRangeAndOthersTheirRatioToIt) {
  const RangeTestOptions o = parsed({"--range-test", "1e-5..10", "--steps", "101"});
  EXPECT_EQ(o.range.steps, 101u);
  EXPECT_EQ(o.train.steps, 101u);
  EXPECT_EQ(o.train.schedule.kind, Schedule::Kind::exponential);
  EXPECT_EQ(o.train.schedule.warm_up, 0.0);
  for (const std::uint64_t step : {0, 33, 100}) {
    const double factor = o.train.schedule.factor(step, 101);
    EXPECT_NEAR(o.train.learning_rate[1] * factor / o.range.rate(static_cast<double>(step)), 1.0,
                1e-12);
    EXPECT_NEAR(o.train.learning_rate[0] / o.train.learning_rate[1], 0.25, 1e-15);
  }
}

TEST(RangeTest, HasDefaultsAndTakesItsRangeInTwoForms) {
  const RangeTestOptions o = parsed({"--range-test"});
  EXPECT_EQ(o.range.least, 1e-6);
  EXPECT_EQ(o.range.most, 1.0);
  EXPECT_EQ(o.train.steps, 300u);
  EXPECT_EQ(parsed({"--range-test=0.01..0.1", "--lr", "fast=1"}).range.most, 0.1);
  EXPECT_EQ(parsed({"--range-test", "--batch-size", "7"}).train.batch_size, 7u);
  // What belongs to a test, whatever is given for a training.
  const RangeTestOptions given =
      parsed({"--range-test", "--schedule", "cosine", "--warm-up", "0.5", "--log-every", "7",
              "--patience", "3", "--diagnose", "2", "--gradients-every", "1"});
  EXPECT_EQ(given.train.log_every, 1u);
  EXPECT_EQ(given.train.patience + given.train.diagnose_every + given.train.gradients_every, 0u);
  EXPECT_FALSE(given.train.measures_test);
  // Not asked for, or asked for help.
  EXPECT_FALSE(parse_range_test({"--study", "s"}, two_groups()));
  EXPECT_FALSE(parse_range_test({"--range-test", "--help"}, two_groups()));
}

TEST(RangeTest, NonsenseIsRefused) {
  EXPECT_ERROR(parsed({"--range-test", "0.1"}), "2: --range-test: '0.1' is not of the form...");
  EXPECT_ERROR(parsed({"--range-test", "0.1..x"}), "2: --range-test: 'x'...");
  for (const char* range : {"1..0.1", "0..1", "-1..1", "1..1", "1e-40..1", "1..1e20"})
    EXPECT_ERROR(parsed({std::string("--range-test=") + range}),
                 "2: --range-test ...: rates rise from the first to the second...");
  EXPECT_ERROR(parsed({"--range-test", "--steps", "47"}), "2: --range-test: it needs 48...");
  EXPECT_ERROR(parsed({"--range-test", "--lr", "0"}), "2: --range-test: all learning rates are 0");
  EXPECT_ERROR(parsed({"--range-test", "--searches", "lr"}), "2: train: ...--searches...");
  EXPECT_ERROR(parse_range_test({"--range-test"}, two_groups()),
               "2: train: --out RUN is missing...");
}

}  // namespace
}  // namespace medley
