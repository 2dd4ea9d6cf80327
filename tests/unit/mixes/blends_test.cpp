// Trained shares: where the barrier puts them, and that without it they collapse.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "medley/mixes/raw_blend.hpp"
#include "medley/mixes/trained_blend.hpp"
#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

// Where p is best under the constraint, all l_k - τ / p_k are the same.
TEST(TrainedBlend, SharesMeetTheConditionsOfTheirMinimum) {
  for (const Row& values : {Row{1.0, 3.0}, {0.0, 0.0, 5.0}, {1e-6, 1.0, 1e6, 2.0}, {-1.0, 4.0}}) {
    SteppedMix<TrainedBlend> stepped(values, {.barrier = 0.7});
    double tau = 0.0, sum = 0.0;
    for (const double l : values) tau += 0.7 * l / static_cast<double>(values.size());
    const Row w = stepped.weights();
    const auto slope = [&](std::size_t k) {
      return values[k] - tau / (w[k] / static_cast<double>(values.size()));
    };
    for (std::size_t k = 0; k < values.size(); ++k) {
      EXPECT_NEAR(slope(k), slope(0), 1e-9 * (std::fabs(slope(0)) + values[k]));
      sum += w[k];
    }
    EXPECT_NEAR(sum, static_cast<double>(values.size()), 1e-14);
  }
}

TEST(TrainedBlend, OfTwoSolvesAQuadraticEquation) {
  // Losses 2 and 0 have τ = 1, and 1 / (2 + x) + 1 / x = 1 has x = √2.
  const Row w = SteppedMix<TrainedBlend>({2.0, 0.0}).weights();
  EXPECT_NEAR(w[0], 2.0 / (2.0 + std::sqrt(2.0)), 1e-14);
  EXPECT_NEAR(w[1], 2.0 / std::sqrt(2.0), 1e-14);
}

TEST(TrainedBlend, BarrierDecidesBetweenEqualSharesAndTheLeastLoss) {
  const Row even = SteppedMix<TrainedBlend>({3.0, 1.0}, {.barrier = 1e6}).weights();
  EXPECT_NEAR(even[0], 1.0, 1e-5);
  const Row least = SteppedMix<TrainedBlend>({3.0, 1.0}, {.barrier = 1e-6}).weights();
  EXPECT_NEAR(least[1], 2.0, 1e-5);
  EXPECT_GT(least[0], 0.0);
}

TEST(TrainedBlend, BarrierFollowsTheRunningMean) {
  SteppedMix<TrainedBlend> stepped({1.0, 3.0});
  stepped.update();
  stepped.values = {2.0, 7.0};
  stepped.update();
  // (0.9 · 0.1 x_1 + 0.1 x_2) / (1 - 0.81)
  const double tau = 0.5 * ((0.09 * 1.0 + 0.1 * 2.0) + (0.09 * 3.0 + 0.1 * 7.0)) / 0.19;
  const Row w = stepped.weights();
  EXPECT_NEAR(2.0 - tau / (w[0] / 2.0), 7.0 - tau / (w[1] / 2.0), 1e-12);
}

// One parameter x, an easy loss (x - 1)² / 10 and a hard one (x + 1)² + 1/2, trained with a mix.
template <class M>
SteppedMix<M> train_on_two(M mix, double& x) {
  SteppedMix<M> stepped({0.0, 0.0}, mix);
  x = 0.0;
  for (int t = 0; t < 4000; ++t) {
    stepped.values = {0.1 * (x - 1.0) * (x - 1.0), (x + 1.0) * (x + 1.0) + 0.5};
    const Row w = stepped.weights();
    stepped.update();
    x -= 0.05 * (w[0] * 0.2 * (x - 1.0) + w[1] * 2.0 * (x + 1.0));
  }
  return stepped;
}

TEST(RawBlend, CollapsesOntoTheEasierLoss) {
  double x = 0.0;
  auto raw = train_on_two(RawBlend{}, x);
  EXPECT_LT(raw.weights()[1], 1e-2);
  EXPECT_NEAR(x, 1.0, 0.02);  // all for the easy loss, the hard one 9 times its best
}

TEST(TrainedBlend, DoesNotCollapse) {
  double x = 0.0;
  auto trained = train_on_two(TrainedBlend{}, x);
  EXPECT_GT(trained.weights()[1], 0.5);
  EXPECT_LT(x, -0.5);
}

TEST(RawBlend, DescendsTheMixedLossWithItsOwnWeights) {
  SteppedMix<RawBlend> stepped({1.5, 0.5, 4.0}, {.rate = 2.0});
  stepped.own = {1.0, 3.0, 0.5};
  stepped.kept[0] = {0.3, -0.2, 0.1};
  const auto mixed = [&](const Row& theta) {
    double sum = 0.0, total = 0.0;
    for (std::size_t k = 0; k < 3; ++k) {
      sum += std::exp(theta[k]);
      total += std::exp(theta[k]) * stepped.own[k] * stepped.values[k];
    }
    return 3.0 * total / sum;
  };
  const Row theta = stepped.kept[0];
  stepped.update();
  for (std::size_t k = 0; k < 3; ++k) {
    Row above = theta, below = theta;
    above[k] += 1e-5;
    below[k] -= 1e-5;
    const double slope = (mixed(above) - mixed(below)) / 2e-5;
    EXPECT_NEAR(stepped.kept[0][k] - theta[k], -0.1 * slope, 1e-9);
  }
}

}  // namespace
}  // namespace medley
