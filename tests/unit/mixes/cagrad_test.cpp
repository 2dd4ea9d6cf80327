// CAGrad: the program that it solves, against directions of the ball, and its ends.
#include "medley/mixes/cagrad.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "medley/mixes/mgda.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

double least_gain(const Gradients& g, const Gradient& d) {
  double least = 1e300;
  for (const Gradient& row : g) least = std::min(least, dot(row, d));
  return least;
}

TEST(CaGrad, NoDirectionOfTheBallHasALargerLeastGain) {
  RandomNumbers random(1);
  for (const double c : {0.2, 0.4, 0.9, 1.5}) {
    for (int i = 0; i < 10; ++i) {
      const std::size_t losses = 2 + random.below(4);
      const Gradients g = random_gradients(random, losses, 6, 0.3);
      GramianStep step(g);
      for (double& own : step.own) own = random.uniform(0.5, 2.0);
      const Gradient d = combined(g, step.weights(CaGrad{.c = c, .rescale = 1}));
      const Gradient mean = combined(g, step.preference);
      Gradient from = d;
      for (std::size_t e = 0; e < d.size(); ++e) from[e] -= mean[e];
      const double radius = c * norm(mean), best = least_gain(g, d);
      EXPECT_LE(norm(from), radius * (1.0 + 1e-9));
      for (int other = 0; other < 300; ++other) {
        // Anywhere in the ball, or near what was found.
        Gradient move(d.size());
        for (double& x : move) x = random.normal();
        const double size = other % 2 == 0 ? radius / norm(move) : 1e-3 * radius / norm(move);
        for (std::size_t e = 0; e < d.size(); ++e) {
          move[e] = size * move[e] + (other % 2 == 0 ? 0.0 : from[e]);
        }
        const double shrink = std::min(1.0, radius / norm(move));
        for (std::size_t e = 0; e < d.size(); ++e) move[e] = mean[e] + shrink * move[e];
        EXPECT_LE(least_gain(g, move), best + 1e-6 * std::fabs(best) + 1e-9);
      }
    }
  }
}

TEST(CaGrad, IsDividedAsItsProgramIs) {
  GramianStep step({{1.0, 2.0}, {-3.0, 0.5}});
  const std::vector<double> plain = step.weights(CaGrad{.c = 0.5, .rescale = 1});
  const std::vector<double> divided = step.weights(CaGrad{.c = 0.5});
  for (std::size_t k = 0; k < 2; ++k) EXPECT_DOUBLE_EQ(divided[k] * 1.25, plain[k]);
}

TEST(CaGrad, WithoutRadiusIsThePreference) {
  GramianStep step({{1.0, 2.0}, {-3.0, 0.5}});
  step.own = {3.0, 1.0};
  EXPECT_EQ(step.weights(CaGrad{.c = 0.0}), (std::vector{0.75, 0.25}));
}

// Two opposite gradients and one across: no direction helps all, so nothing is added.
TEST(CaGrad, WhereNothingHelpsAllItIsTheMean) {
  GramianStep step({{0.0, 1.0}, {0.0, -1.0}, {3.0, 0.0}});
  for (const double w : step.weights(CaGrad{.c = 0.5, .rescale = 1})) {
    EXPECT_NEAR(w, 1.0 / 3.0, 1e-6);
  }
}

TEST(CaGrad, TendsToTheShortestWithItsRadius) {
  const Gradients g{{1.0, 2.0, 0.0}, {-2.0, 0.5, 1.0}, {0.3, 0.1, 3.0}};
  GramianStep step(g);
  const Gradient near = combined(g, step.weights(CaGrad{.c = 10.0}));
  const Gradient shortest = combined(g, step.weights(Mgda{}));
  EXPECT_GE(dot(near, shortest) / norm(near) / norm(shortest), 0.99);
}

TEST(CaGrad, OptionsHaveBounds) {
  EXPECT_TRUE(has_valid_options(CaGrad{.c = 0.0}) && has_valid_options(CaGrad{.rescale = 1}));
  EXPECT_FALSE(has_valid_options(CaGrad{.c = -0.1}) || has_valid_options(CaGrad{.c = 11.0}));
  EXPECT_FALSE(has_valid_options(CaGrad{.rescale = 2}));
}

}  // namespace
}  // namespace medley::testing
