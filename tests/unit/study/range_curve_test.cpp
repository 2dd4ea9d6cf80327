// What losses say of learning rates: curves whose steepest place and least are known, with and without
// noise; and when a range test ends.
#include "medley/study/range_curve.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "medley/base/random.hpp"

namespace medley {
namespace {

// Sums of uniform numbers: nearly normal, with a standard deviation of 1.
double noise(std::uint64_t seed, std::uint64_t i) {
  double sum = 0.0;
  for (std::uint64_t k = 0; k < 3; ++k) {
    for (const std::uint32_t bits : RandomStream(seed, Purpose::generator, 0, 3 * i + k).draw(0))
      sum += static_cast<double>(bits) / 4294967296.0 - 0.5;
  }
  return sum;
}

// Flat, then a fall that is steepest at 1e-3, then a rise from 1e-1 on.
double curve(double decade) {
  return 2.0 - std::tanh(2.0 * (decade + 3.0)) + (decade > -1.0 ? 4.0 * (decade + 1.0) : 0.0);
}

std::vector<double> losses(const RateRange& range, double deviation, std::uint64_t seed = 1) {
  std::vector<double> values;
  for (std::uint64_t i = 0; i < range.steps; ++i) {
    const double decade = std::log10(range.rate(static_cast<double>(i)));
    values.push_back(curve(decade) + deviation * noise(seed, i));
  }
  return values;
}

TEST(RateRange, RisesByTheSameFactorFromTheLeastToTheMost) {
  const RateRange range{1e-5, 10.0, 61};
  EXPECT_NEAR(range.rate(0), 1e-5, 1e-19);
  EXPECT_NEAR(range.rate(30), 1e-2, 1e-15);
  EXPECT_NEAR(range.rate(60), 10.0, 1e-12);
  EXPECT_NEAR(range.decades_a_step(), 0.1, 1e-15);
}

// Lines by least squares, with standard errors as the books have them.
TEST(RangeReading, FitsAreLinesWithTheirErrors) {
  const RateRange range{1e-3, 1e-2, 48};  // windows of 11 steps
  std::vector<double> values;
  for (int i = 0; i < 48; ++i) values.push_back(5.0 - 0.25 * i + (i % 2 == 0 ? 0.1 : -0.1));
  const RangeReading reading = read_range(values, range);
  ASSERT_EQ(range.reach(), 5u);
  ASSERT_EQ(reading.fits.size(), 48u);
  const double width = 1.0 / 47.0;
  const RangeFit& fit = reading.fits[20];
  // Of the alternating part: five or six of each sign, symmetric, so that the slope does not see it.
  EXPECT_NEAR(fit.slope, -0.25 / width, 1e-9);
  EXPECT_NEAR(fit.value, 5.0 - 0.25 * 20 - 0.1 / 11.0, 1e-12);
  double residuals = 0.0, xx = 0.0;
  for (int i = 15; i <= 25; ++i) {
    residuals += std::pow((i % 2 == 0 ? 0.1 : -0.1) + 0.1 / 11.0, 2);
    xx += std::pow((i - 20) * width, 2);
  }
  EXPECT_NEAR(fit.slope_error, std::sqrt(residuals / 9.0 / xx), 1e-12);
  EXPECT_NEAR(fit.value_error, std::sqrt(residuals / 9.0 / 11.0), 1e-12);
  // At the ends, over what there is.
  EXPECT_NEAR(reading.fits[0].slope, -0.25 / width, 2.0);
}

TEST(RangeReading, FindsWhatTheCurveHas) {
  for (const double deviation : {0.0, 0.05, 0.2}) {
    SCOPED_TRACE(deviation);
    const RateRange range{1e-6, 1.0, 300};
    const RangeReading reading = read_range(losses(range, deviation), range);
    ASSERT_TRUE(reading.steepest && reading.tenth);
    EXPECT_NEAR(std::log10(*reading.steepest), -3.0, deviation > 0.1 ? 0.4 : 0.1);
    // The fall has ended before the rise begins at 1e-1.
    EXPECT_GT(*reading.tenth, 3e-4);
    EXPECT_LT(*reading.tenth, 2e-2);
    EXPECT_EQ(reading.remarks.size(), 1u);
  }
}

// Without any fall, with noise of many seeds, next to nothing is suggested.
TEST(RangeReading, NoiseAloneIsNoSuggestion) {
  const RateRange range{1e-6, 1.0, 200};
  int steepest = 0, tenth = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::vector<double> values;
    for (std::uint64_t i = 0; i < range.steps; ++i) values.push_back(2.0 + noise(seed, i));
    const RangeReading reading = read_range(values, range);
    steepest += reading.steepest.has_value();
    tenth += reading.tenth.has_value();
    if (!reading.steepest && !reading.tenth) {
      ASSERT_EQ(reading.remarks.size(), 2u);
      EXPECT_NE(reading.remarks[1].find("no rate is suggested"), std::string::npos);
    }
  }
  EXPECT_LE(steepest, 10);
  EXPECT_LE(tenth, 10);
}

TEST(RangeReading, TellsWhereTheRangeIsTooNarrow) {
  const auto last_remark = [](const RateRange& range) {
    return read_range(losses(range, 0.01), range).remarks.back();
  };
  EXPECT_NE(last_remark({1e-6, 3e-3, 200}).find("higher rates are worth"), std::string::npos);
  EXPECT_NE(last_remark({2e-3, 1.0, 200}).find("lower rates are worth"), std::string::npos);
  const RateRange range{1e-2, 1.0, 200};
  const std::vector<double> few(20, 1.0);
  const RangeReading reading = read_range(few, range);
  EXPECT_FALSE(reading.least || reading.steepest || reading.tenth);
  EXPECT_EQ(reading.fits.size(), 20u);
  EXPECT_NE(reading.remarks[0].find("20 steps, too few"), std::string::npos);
}

// How many of these losses are taken.
std::size_t taken(const std::vector<double>& values) {
  RangeEnd end;
  std::size_t count = 0;
  for (const double value : values) {
    ++count;
    if (!end.add(value)) break;
  }
  return count;
}

TEST(RangeEnd, IsAtFourTimesTheLeastAndAboveTheFirst) {
  std::vector<double> values(40, 1.0);
  values.insert(values.end(), 200, 3.9);
  EXPECT_EQ(taken(values), values.size());
  values.insert(values.end(), 200, 4.2);
  EXPECT_GT(taken(values), 240u);
  EXPECT_LT(taken(values), 290u);
  // From 2 down to next to nothing, and a little up again.
  std::vector<double> fallen(20, 2.0);
  fallen.insert(fallen.end(), 200, 0.001);
  fallen.insert(fallen.end(), 200, 0.5);
  EXPECT_EQ(taken(fallen), fallen.size());
  fallen.insert(fallen.end(), 200, 3.0);
  EXPECT_LT(taken(fallen), fallen.size() - 150);
  // Below 0.
  std::vector<double> negative(20, -1.0);
  negative.insert(negative.end(), 100, -2.0);
  negative.insert(negative.end(), 100, -0.5);
  EXPECT_EQ(taken(negative), negative.size());
  negative.insert(negative.end(), 100, 5.0);
  EXPECT_LT(taken(negative), negative.size() - 50);
  // Not by the first few, whatever they are.
  EXPECT_EQ(taken({1, 1, 100, 1, 1, 1, 1, 1, 1}), 9u);
}

}  // namespace
}  // namespace medley
