// Weights of the losses' inverses (log-sum, geometric, UW-SO) against their objectives'
// differences.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "medley/mixes/geometric.hpp"
#include "medley/mixes/log_sum.hpp"
#include "medley/mixes/uw_so.hpp"
#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

// Central differences of an objective of the losses.
Row slopes(const auto& objective, const Row& values) {
  Row slope;
  for (std::size_t k = 0; k < values.size(); ++k) {
    Row above = values, below = values;
    above[k] *= 1.0 + 1e-5;
    below[k] *= 1.0 - 1e-5;
    slope.push_back((objective(above) - objective(below)) / (above[k] - below[k]));
  }
  return slope;
}

TEST(LogSum, IsTheSlopeOfTheSumOfLogarithms) {
  SteppedMix<LogSum> stepped({0.3, 2.0, 11.0});
  stepped.own = {1.0, 0.5, 3.0};
  const Row expected = slopes(
      [&](const Row& l) {
        return stepped.own[0] * std::log(l[0]) + stepped.own[1] * std::log(l[1]) +
               stepped.own[2] * std::log(l[2]);
      },
      stepped.values);
  const Row found = stepped.weights();
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(relative_difference(found[k], expected[k]), 1e-8);
  EXPECT_EQ(stepped.flags, 0u);
}

TEST(LogSum, HoldsAWeightToAThousandMedians) {
  SteppedMix<LogSum> stepped({1.0, 0.0, 4.0});
  Row w = stepped.weights();
  EXPECT_NEAR(w[1], 1000.0, 1e-6);
  EXPECT_NEAR(w[0], 1.0, 1e-6);
  EXPECT_TRUE(stepped.flagged(MixFlag::large));
  // Of an even number, the lower of the two in the middle.
  SteppedMix<LogSum> two({2.0, -1.0});
  w = two.weights();
  EXPECT_NEAR(w[0], 0.5, 1e-6);
  EXPECT_NEAR(w[1], 500.0, 1e-6);
  // Absent losses are not among those whose median it is.
  SteppedMix<LogSum> some({2.0, 1.0, 1e9, 1e9});
  some.present[2] = some.present[3] = false;
  some.weights();
  EXPECT_EQ(some.flags, 0u);
}

TEST(Geometric, IsTheSlopeOfTheWeightedGeometricMean) {
  SteppedMix<Geometric> stepped({0.3, 2.0, 11.0});
  stepped.own = {1.0, 0.5, 2.5};
  const Row expected = slopes(
      [](const Row& l) {
        return std::pow(l[0], 0.25) * std::pow(l[1], 0.125) * std::pow(l[2], 0.625);
      },
      stepped.values);
  const Row found = stepped.weights();
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(relative_difference(found[k], expected[k]), 1e-8);
}

TEST(Geometric, DoesNotOverflowWhereTheProductWould) {
  const Row w = SteppedMix<Geometric>(Row(16, 1e60)).weights();
  for (const double x : w) EXPECT_NEAR(x, 1.0 / 16.0, 1e-12);
}

TEST(UncertaintySoftOptimal, GoesFromTheLeastLossToEqualSharesWithItsTemperature) {
  const Row values{0.5, 1.0, 4.0};
  double sum = 0.0;
  for (const double l : values) sum += std::exp(1.0 / (2.0 * l));
  const Row w = SteppedMix<UncertaintySoftOptimal>(values, {.temperature = 2.0}).weights();
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(w[k], std::exp(1.0 / (2.0 * values[k])) / sum, 1e-11);
  }
  EXPECT_NEAR(SteppedMix<UncertaintySoftOptimal>(values, {.temperature = 0.01}).weights()[0], 1.0,
              1e-12);
  EXPECT_NEAR(SteppedMix<UncertaintySoftOptimal>(values, {.temperature = 1e6}).weights()[2],
              1.0 / 3.0, 1e-5);
}

}  // namespace
}  // namespace medley
