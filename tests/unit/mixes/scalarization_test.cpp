// What mixes that weigh losses share: softmax, running means and Adam of one number a loss.
#include "medley/mixes/scalarization.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace medley {
namespace {

TEST(Softmax, IsOfTheLossesPresent) {
  const LossNumbers x{1.0, 2.0, std::numeric_limits<double>::quiet_NaN(), -0.5};
  const std::array present{true, true, false, true};
  const LossNumbers p = softmax(present, x);
  const double sum = std::exp(1.0) + std::exp(2.0) + std::exp(-0.5);
  EXPECT_NEAR(p[0], std::exp(1.0) / sum, 1e-15);
  EXPECT_NEAR(p[1], std::exp(2.0) / sum, 1e-15);
  EXPECT_EQ(p[2], 0.0);
  EXPECT_NEAR(p[3], std::exp(-0.5) / sum, 1e-15);
}

TEST(Softmax, OfLargeNumbersKeepsTheirDifferences) {
  const std::array present{true, true, true};
  const LossNumbers p = softmax(present, {2000.0, 2001.0, -1e300});
  EXPECT_NEAR(p[1] / p[0], std::exp(1.0), 1e-12);
  EXPECT_LT(p[2], 1e-300);
}

TEST(LossMeans, CountTheFirstInFull) {
  std::array<double, 2> sums{}, counts{};
  const LossMeans means(sums, counts, 0.9);
  EXPECT_FALSE(means.known(1));
  means.add(1, 5.0);
  EXPECT_TRUE(means.known(1));
  EXPECT_FALSE(means.known(0));
  EXPECT_NEAR(means.mean(1), 5.0, 1e-15);
  means.add(1, 7.0);
  EXPECT_NEAR(means.mean(1), (0.9 * 5.0 + 7.0) / 1.9, 1e-14);
}

TEST(LossAdam, DescendsByTheRateWhateverTheGradient) {
  std::array<double, 1> m{}, v{}, updates{};
  MixStep step;
  step.state[2] = m;
  step.state[3] = v;
  step.state[4] = updates;
  const LossAdam adam(step, 2);
  for (int t = 0; t < 10; ++t) EXPECT_NEAR(adam.descent(0, -250.0), -1.0, 1e-9);
  EXPECT_EQ(updates[0], 10.0);
}

TEST(PositiveLoss, IsWhatALogarithmCanTake) {
  EXPECT_EQ(positive_loss(0.0), 1e-12);
  EXPECT_EQ(positive_loss(-3.0), 1e-12);
  EXPECT_EQ(positive_loss(2.0), 2.0 + 1e-12);
}

}  // namespace
}  // namespace medley
