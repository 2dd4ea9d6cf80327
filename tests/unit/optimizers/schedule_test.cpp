// Schedules: factors against PyTorch, exact places, and the text form.
#include <gtest/gtest.h>
#include <xxhash.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "medley/base/error.hpp"
#include "medley/optimizers/schedule_text.hpp"

namespace medley {
namespace {

TEST(Schedule, CosineIsAccurate) {
  const long double pi = std::acos(-1.0L);
  for (int i = 0; i <= 100000; ++i) {
    const double x = i / 100000.0;
    EXPECT_NEAR(cos_pi(x), static_cast<double>(std::cos(pi * static_cast<long double>(x))), 1e-15);
  }
  EXPECT_EQ(cos_pi(0.0), 1.0);
  EXPECT_EQ(cos_pi(1.0), -1.0);
  EXPECT_NEAR(cos_pi(0.5), 0.0, 1e-16);
}

TEST(Schedule, AgreesWithPyTorch) {
  std::ifstream file("tests/golden/optimizers.json");
  ASSERT_TRUE(file) << "tests run from the project's folder, where tests/golden/optimizers.json is";
  const nlohmann::json all = nlohmann::json::parse(file);
  ASSERT_EQ(all["schedules"].size(), 10u);
  for (const auto& test : all["schedules"]) {
    const std::string text = test["schedule"];
    const Schedule schedule = parse_schedule(text).with_warm_up(test["warm_up"]);
    const std::uint64_t steps = test["steps"];
    ASSERT_EQ(test["factors"].size(), steps);
    for (std::uint64_t step = 0; step < steps; ++step) {
      const double expected = test["factors"][step].get<double>();
      EXPECT_NEAR(schedule.factor(step, steps), expected, 1e-13 * std::max(1.0, expected))
          << text << ", step " << step;
    }
  }
}

TEST(Schedule, ConstantIsOne) {
  for (const std::uint64_t step : {0, 7, 99}) EXPECT_EQ(Schedule{}.factor(step, 100), 1.0);
}

TEST(Schedule, StepFallsAtRoundedMilestones) {
  const Schedule schedule = Schedule::step(0.5, {0.1, 0.55});
  EXPECT_EQ(schedule.factor(9, 100), 1.0);
  EXPECT_EQ(schedule.factor(10, 100), 0.5);
  EXPECT_EQ(schedule.factor(54, 100), 0.5);
  EXPECT_EQ(schedule.factor(55, 100), 0.25);  // 0.55 * 100 is above 55 in double precision
}

TEST(Schedule, WarmUpRampsLinearlyToTheSchedule) {
  const Schedule schedule = Schedule::cosine().with_warm_up(0.1);
  for (std::uint64_t step = 0; step < 10; ++step) {
    EXPECT_NEAR(schedule.factor(step, 100), static_cast<double>(step + 1) / 11.0, 1e-15);
  }
  EXPECT_EQ(schedule.factor(10, 100), 1.0);
  EXPECT_EQ(schedule.factor(55, 100), Schedule::cosine().factor(45, 90));
}

TEST(Schedule, ShortRunsAndLateStepsAreFinite) {
  for (const Schedule& kind :
       {Schedule::constant(), Schedule::step(0.1, {0.5}), Schedule::cosine(), Schedule::one_cycle(),
        Schedule::one_cycle(0.5, 1.0, 1.0), Schedule::exponential(1.0, 1e-3)}) {
    for (const double warm_up : {0.0, 0.5, 0.99}) {
      const Schedule schedule = kind.with_warm_up(warm_up);
      ASSERT_TRUE(schedule.valid());
      for (std::uint64_t total = 0; total < 12; ++total) {
        for (std::uint64_t step = 0; step < total + 3; ++step) {
          const double factor = schedule.factor(step, total);
          EXPECT_TRUE(factor > 0.0 && factor <= 1.0)
              << to_string(schedule) << " " << step << "/" << total << ": " << factor;
          if (step >= total && total > 0) {
            EXPECT_EQ(factor, schedule.factor(total - 1, total));
          }
        }
      }
    }
  }
}

TEST(Schedule, TextReadsBack) {
  for (const char* text :
       {"constant", "cosine", "one-cycle", "one-cycle:0.25,10,1000", "exponential:1e-06,1",
        "step:0.1@0.5,0.75", "step:0.3333333333333333@0.1"}) {
    EXPECT_EQ(to_string(parse_schedule(text)), text);
  }
  EXPECT_EQ(parse_schedule("step:0.1@0.3,0.6"), Schedule::step(0.1, {0.3, 0.6}));
  EXPECT_EQ(parse_schedule("one-cycle"), Schedule::one_cycle());
  EXPECT_EQ(to_string(Schedule::cosine().with_warm_up(0.1)), "cosine");
}

TEST(Schedule, NonsenseIsRefused) {
  for (const char* text :
       {"",
        "Cosine",
        "cosine ",
        "cosine:1",
        "linear",
        "step",
        "step:",
        "step:0.1",
        "step:0.1@",
        "step:0.1@30,60",
        "step:0.1@0.6,0.3",
        "step:0.1@0.5,",
        "step:x@0.5",
        "step:0@0.5",
        "step:0.1@0.5@0.6",
        "step:nan@0.5",
        "step:0.1@0",
        "step:0.1@1",
        "one-cycle:0.3",
        "one-cycle:0.3,25",
        "one-cycle:0.3,25,1e4,1",
        "one-cycle:1.5,25,1e4",
        "one-cycle:0.3,0,1",
        "exponential",
        "exponential:1",
        "exponential:0,1",
        "exponential:1,-1",
        "exponential:1,2,3",
        "step:0.1@0.01,0.02,0.03,0.04,0.05,0.06,0.07,0.08,0.09,0.1,0.11,0.12,0.13,0.14,0.15,0.16,"
        "0.17"}) {
    try {
      parse_schedule(text);
      ADD_FAILURE() << "accepted '" << text << "'";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Exit::usage);
      EXPECT_NE(std::string(error.what()).find("step:0.1@0.5,0.75"), std::string::npos);
    }
  }
}

TEST(Schedule, ValidKnowsItsRanges) {
  static_assert(Schedule::cosine().with_warm_up(0.1).valid());
  static_assert(!Schedule::cosine().with_warm_up(1.0).valid());
  static_assert(!Schedule::step(0.1, {}).valid());
  static_assert(!Schedule::step(0.1, {0.5, 0.5}).valid());
  static_assert(!Schedule::one_cycle(0.0).valid());
  constexpr double infinite = std::numeric_limits<double>::infinity();
  static_assert(!Schedule::step(infinite, {0.5}).valid());
  static_assert(!Schedule::one_cycle(0.3, infinite).valid());
  static_assert(!Schedule::one_cycle(0.3, 25.0, infinite).valid());
}

TEST(Schedule, BitsAreTheSameEverywhere) {
  XXH3_state_t* const state = XXH3_createState();
  XXH3_64bits_reset(state);
  for (const Schedule& schedule :
       {Schedule::cosine().with_warm_up(0.05), Schedule::one_cycle(), Schedule::step(0.1, {0.4})}) {
    for (std::uint64_t step = 0; step < 997; ++step) {
      const double factor = schedule.factor(step, 997);
      XXH3_64bits_update(state, &factor, sizeof factor);
    }
  }
  const std::uint64_t found = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  EXPECT_EQ(found, 0xB608BD6538C544DDu) << std::hex << found;
}

}  // namespace
}  // namespace medley
