// SDMGrad: what decides that a combination is the shortest, its ends, and where it is zero.
#include "medley/mixes/sdmgrad.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "medley/mixes/mgda.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

// Along d, no loss gains less than the combination α does, and those that α takes gain just that.
TEST(SdmGrad, ServesTheLossesThatGainLeast) {
  RandomNumbers random(1);
  for (int i = 0; i < 60; ++i) {
    const std::size_t losses = 2 + random.below(8);
    const Gradients g = random_gradients(random, losses, 20, 0.5);
    GramianStep step(g);
    for (double& own : step.own) own = random.uniform(0.5, 2.0);
    const double lambda = random.uniform(0.0, 3.0);
    const std::vector<double> w = step.weights(SdmGrad{.lambda = lambda});
    EXPECT_EQ(step.flags, 0u);
    EXPECT_NEAR(std::accumulate(w.begin(), w.end(), 0.0), 1.0, 1e-12);
    const Gradient d = combined(g, w);
    std::vector<double> alpha;
    for (std::size_t k = 0; k < losses; ++k) {
      alpha.push_back((1.0 + lambda) * w[k] - lambda * step.preference[k]);
      EXPECT_GE(alpha[k], -1e-12);
    }
    const double gained = dot(combined(g, alpha), d);
    for (std::size_t k = 0; k < losses; ++k) {
      const double gain = dot(g[k], d), room = 1e-6 * (norm(g[k]) + norm(d)) * norm(d);
      EXPECT_GE(gain, gained - room);
      EXPECT_TRUE(alpha[k] < 1e-9 || gain <= gained + room) << alpha[k];
    }
  }
}

TEST(SdmGrad, OfTwoInClosedForm) {
  RandomNumbers random(2);
  for (int i = 0; i < 30; ++i) {
    Gradients g = random_gradients(random, 2, 3, 0.3);
    GramianStep step(g);
    step.own = {1.0, 3.0};
    const std::vector<double> w = step.weights(SdmGrad{.lambda = 0.5});
    const Gradient sum = combined(g, {0.25, 0.75});
    for (Gradient& row : g) {
      for (std::size_t e = 0; e < row.size(); ++e) row[e] += 0.5 * sum[e];
    }
    const double a = dot(g[0], g[0]), b = dot(g[0], g[1]), c = dot(g[1], g[1]);
    const double first = std::clamp((c - b) / (a + c - 2 * b), 0.0, 1.0);
    EXPECT_NEAR(w[0], (first + 0.5 * 0.25) / 1.5, 1e-6);
    EXPECT_NEAR(w[1], (1.0 - first + 0.5 * 0.75) / 1.5, 1e-6);
  }
}

TEST(SdmGrad, IsMgdaAtItsOneEndAndTheSumAtItsOther) {
  RandomNumbers random(3);
  for (int i = 0; i < 20; ++i) {
    GramianStep step(random_gradients(random, 4, 10, 0.5));
    for (double& own : step.own) own = random.uniform(0.5, 2.0);
    const std::vector<double> none = step.weights(SdmGrad{.lambda = 0.0});
    const std::vector<double> most = step.weights(SdmGrad{.lambda = 100.0});
    const std::vector<double> mgda = step.weights(Mgda{});
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_NEAR(none[k], mgda[k], 1e-9);
      EXPECT_NEAR(most[k], step.preference[k], 1.0 / 101.0);
    }
  }
}

TEST(SdmGrad, OppositeGradientsAreStationary) {
  // Along g_0 = 0 nothing is gained: as in MGDA.
  GramianStep step({{1.0, 0.0}, {-1.0, 0.0}});
  for (const double w : step.weights(SdmGrad{})) EXPECT_NEAR(w, 0.5, 1e-7);
  EXPECT_TRUE(step.has(MixFlag::stationary));
}

TEST(SdmGrad, AGradientThatTheSumTakesAwayIsStationary) {
  // g_0 = (1, 0), g_2 = -g_0: with λ = 1 the second is moved to zero.
  GramianStep step({{3.0, 0.0}, {-1.0, 0.0}});
  const std::vector<double> w = step.weights(SdmGrad{.lambda = 1.0});
  EXPECT_EQ(w, (std::vector{0.25, 0.75}));
  EXPECT_TRUE(step.has(MixFlag::stationary));
}

}  // namespace
}  // namespace medley::testing
