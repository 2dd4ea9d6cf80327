// UPGrad and the dual projection: closed forms, and directions against those of projections that are
// found by other means.
#include "medley/mixes/upgrad.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "medley/mixes/dual_projection.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

TEST(UpGrad, OfTwoInClosedForm) {
  const Gradients g{{1.0, 2.0, -0.5}, {-3.0, 0.5, 1.0}};
  const double product = dot(g[0], g[1]);
  ASSERT_LT(product, 0.0);
  GramianStep step(g);
  const std::vector<double> w = step.weights(UpGrad{});
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(w[k], 0.5 * (1.0 - product / dot(g[k], g[k])), 1e-7);
  }
}

// Dykstra's alternating projections onto the half-spaces g_kᵀd ≥ 0.
Gradient projected(const Gradients& g, Gradient d) {
  Gradients correction(g.size(), Gradient(d.size()));
  for (int round = 0; round < 20000; ++round) {
    for (std::size_t k = 0; k < g.size(); ++k) {
      for (std::size_t e = 0; e < d.size(); ++e) d[e] += correction[k][e];
      const double along = std::min(0.0, dot(g[k], d)) / dot(g[k], g[k]);
      for (std::size_t e = 0; e < d.size(); ++e) {
        correction[k][e] = along * g[k][e];
        d[e] -= correction[k][e];
      }
    }
  }
  return d;
}

TEST(UpGrad, IsTheMeanOfProjections) {
  RandomNumbers random(1);
  for (int i = 0; i < 4; ++i) {
    const Gradients g = random_gradients(random, 4, 5, 0.3);
    GramianStep step(g);
    step.own = {1.0, 2.0, 0.5, 0.5};
    const Gradient mixed = combined(g, step.weights(UpGrad{}));
    const Gradient dual = combined(g, step.weights(DualProjection{}));
    Gradient sum(5);
    for (std::size_t k = 0; k < 4; ++k) {
      const Gradient part = projected(g, g[k]);
      for (std::size_t e = 0; e < 5; ++e) sum[e] += step.preference[k] * part[e];
    }
    const Gradient mean = projected(g, combined(g, step.preference));
    for (std::size_t e = 0; e < 5; ++e) {
      EXPECT_NEAR(mixed[e], sum[e], 1e-5 * norm(sum));
      EXPECT_NEAR(dual[e], mean[e], 1e-5 * norm(mean));
    }
  }
}

TEST(UpGrad, LargeWeightsAreFlagged) {
  GramianStep step({{1.0, 1e-4}, {-1.0, 1e-4}, {0.0, 1.0}});
  const Gradients g{{1.0, 0.0}, {-1e4, 1.0}};
  GramianStep far(g);
  EXPECT_GT(far.weights(UpGrad{})[0], 1e3);
  EXPECT_TRUE(far.has(MixFlag::large));
  EXPECT_GT(far.weights(DualProjection{})[0], 1e3);
  EXPECT_TRUE(far.has(MixFlag::large));
  step.weights(UpGrad{});
  EXPECT_EQ(step.flags, 0u);
}

TEST(DualProjection, TakesConflictsOutOfTheMean) {
  GramianStep step({{1.0, 0.0}, {-2.0, 1.0}});
  // The mean is (-.5, .5); its nearest without conflict is (0, .5).
  const std::vector<double> w = step.weights(DualProjection{});
  EXPECT_NEAR(w[0], 1.0, 1e-7);
  EXPECT_NEAR(w[1], 0.5, 1e-15);
}

}  // namespace
}  // namespace medley::testing
