// Equal angles: cosines, lengths, and where the length of IMTL-G would climb.
#include "medley/mixes/equal_angles.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

TEST(EqualAngles, CosinesAreEqualOrInProportionOfPreferences) {
  RandomNumbers random(1);
  for (int i = 0; i < 30; ++i) {
    const std::size_t losses = 2 + random.below(6);
    const Gradients g = random_gradients(random, losses, 20, 1.0);
    GramianStep step(g);
    for (double& own : step.own) own = random.uniform(0.5, 2.0);
    const Gradient d = combined(g, step.weights(EqualAngles{}));
    if (step.has(MixFlag::no_descent)) continue;
    const double first = dot(g[0], d) / norm(g[0]) / step.own[0];
    for (std::size_t k = 1; k < losses; ++k) {
      EXPECT_NEAR(dot(g[k], d) / norm(g[k]) / step.own[k] / first, 1.0, 1e-8);
    }
    // The length is the sum of the gradients' projections.
    double along = 0.0;
    for (const Gradient& row : g) along += dot(row, d) / norm(d);
    EXPECT_NEAR(along / norm(d), 1.0, 1e-8);
  }
}

TEST(EqualAngles, OfTwoInClosedForm) {
  const Gradients g{{3.0, 4.0}, {-1.0, 0.5}};
  GramianStep step(g);
  const double a = norm(g[0]), b = norm(g[1]);
  const std::vector<double> w = step.weights(EqualAngles{.form = 1});
  EXPECT_NEAR(w[0], b / (a + b), 1e-14);
  EXPECT_NEAR(w[1], a / (a + b), 1e-14);
}

// Cosines 1, .8, .3 and norms 1, .1, 1.
const std::vector<double> climbing{1.0, 0.08, 0.3, 0.08, 0.01, 0.08, 0.3, 0.08, 1.0};

double gain(const std::vector<double>& w, int k) {
  return climbing[3 * k] * w[0] + climbing[3 * k + 1] * w[1] + climbing[3 * k + 2] * w[2];
}

TEST(EqualAngles, WeightsOfImtlThatClimbAreNotTaken) {
  GramianStep step(climbing, 3);
  step.own = {1.0, 2.0, 1.0};
  const SmallVector x = equal_angles(ActiveLosses(step.step()).gramian, small({1.0, 1.0, 1.0}));
  const double sum = x(0) + x(1) + x(2);
  EXPECT_LT(sum, 0.0);
  const std::vector<double> imtl{x(0) / sum, x(1) / sum, x(2) / sum};
  EXPECT_NEAR(imtl[0], -0.0769, 5e-5);
  EXPECT_NEAR(imtl[1], 1.1538, 5e-5);
  EXPECT_NEAR(imtl[2], -0.0769, 5e-5);
  for (int k = 0; k < 3; ++k) EXPECT_LT(gain(imtl, k), 0.0);

  step.own = {1.0, 1.0, 1.0};
  EXPECT_EQ(step.weights(EqualAngles{.form = 1}), (std::vector{1.0 / 3, 1.0 / 3, 1.0 / 3}));
  EXPECT_TRUE(step.has(MixFlag::no_descent));
  const std::vector<double> config = step.weights(EqualAngles{});
  EXPECT_FALSE(step.has(MixFlag::no_descent));
  for (int k = 0; k < 3; ++k) EXPECT_GT(gain(config, k), 0.0);
}

TEST(EqualAngles, OfImtlHaveSumOne) {
  GramianStep step({{1.0, 0.2, 0.0}, {0.3, -2.0, 1.0}, {0.0, 0.5, 3.0}});
  const std::vector<double> w = step.weights(EqualAngles{.form = 1});
  EXPECT_NEAR(std::accumulate(w.begin(), w.end(), 0.0), 1.0, 1e-14);
}

// In one dimension, two short gradients outvote a long one in angles, not in length.
TEST(EqualAngles, UphillForTheSumIsNotTaken) {
  GramianStep step({{1.0}, {1.0}, {-10.0}});
  for (const int form : {0, 1}) {
    EXPECT_EQ(step.weights(EqualAngles{.form = form}), (std::vector{1.0 / 3, 1.0 / 3, 1.0 / 3}));
    EXPECT_TRUE(step.has(MixFlag::no_descent));
  }
}

TEST(EqualAngles, OfOppositeGradientsThereAreNone) {
  GramianStep step({{1.0, 0.0}, {-1.0, 0.0}});
  EXPECT_EQ(step.weights(EqualAngles{}), (std::vector{0.5, 0.5}));
  EXPECT_TRUE(step.has(MixFlag::no_descent));
}

}  // namespace
}  // namespace medley::testing
