// MGDA: closed forms, what its normalizations divide by, and points where nothing is downhill.
#include "medley/mixes/mgda.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

double first_of_two(double a, double b, double c) {
  return std::clamp((c - b) / (a + c - 2 * b), 0.0, 1.0);
}

TEST(Mgda, OfTwoInClosedForm) {
  RandomNumbers random(1);
  for (int i = 0; i < 30; ++i) {
    const Gradients g = random_gradients(random, 2, 3, 0.3);
    GramianStep step(g);
    const double first = first_of_two(dot(g[0], g[0]), dot(g[0], g[1]), dot(g[1], g[1]));
    const std::vector<double> w = step.weights(Mgda{});
    EXPECT_NEAR(w[0], first, 1e-6);
    EXPECT_NEAR(w[1], 1.0 - first, 1e-6);
    EXPECT_EQ(step.flags, 0u);
  }
}

// Gradients over γ, the shortest of their combinations, and weights over γ again.
TEST(Mgda, NormalizesByNormsAndValues) {
  const Gradients g{{1.0, 2.0, 0.5}, {-3.0, 1.0, 4.0}};
  const double norms[] = {norm(g[0]), norm(g[1])}, values[] = {0.5, 3.0};
  const double scale[4][2] = {{1.0, 1.0},
                              {norms[0], norms[1]},
                              {values[0], values[1]},
                              {values[0] * norms[0], values[1] * norms[1]}};
  ASSERT_EQ(Mgda::normalizations[3], "loss+");
  for (int kind = 0; kind < 4; ++kind) {
    const double a = scale[kind][0], b = scale[kind][1];
    GramianStep step(g);
    step.values = {values[0], values[1]};
    const std::vector<double> w = step.weights(Mgda{.normalize = kind});
    const double first =
        first_of_two(dot(g[0], g[0]) / a / a, dot(g[0], g[1]) / a / b, dot(g[1], g[1]) / b / b);
    EXPECT_NEAR(w[0], first / a, 1e-7 / a) << kind;
    EXPECT_NEAR(w[1], (1.0 - first) / b, 1e-7 / b) << kind;
  }
}

TEST(Mgda, ValuesThatAreZeroDoNotDivide) {
  GramianStep step({{1.0, 0.0}, {0.0, 1.0}});
  for (const std::vector<double>& values :
       {std::vector{0.0, 0.0}, std::vector{0.0, 2.0}, std::vector{-1.0, 2.0}}) {
    step.values = values;
    for (const int kind : {2, 3}) {
      for (const double w : step.weights(Mgda{.normalize = kind})) {
        EXPECT_TRUE(std::isfinite(w) && w >= 0.0);
      }
      EXPECT_FALSE(step.has(MixFlag::no_solution));
    }
  }
}

// A gradient inside the cone of shorter ones has no weight: a vertex or an edge is the answer.
TEST(Mgda, AnswersVertices) {
  GramianStep step({{1.0, 0.0}, {3.0, 4.0}});
  EXPECT_EQ(step.weights(Mgda{}), (std::vector{1.0, 0.0}));
}

TEST(Mgda, KnowsWhereNothingIsDownhill) {
  const Gradients g{{1.0, 0.0}, {-2.0, 0.0}};
  GramianStep step(g);
  const std::vector<double> w = step.weights(Mgda{});
  EXPECT_TRUE(step.has(MixFlag::stationary));
  EXPECT_NEAR(w[0], 2.0 / 3.0, 1e-7);
  EXPECT_NEAR(norm(combined(g, w)), 0.0, 1e-7);
}

TEST(Mgda, TakesNormalizationsByName) {
  static_assert(Mgda::options.size() == 1 && Mgda::options[0].name == "normalize");
  EXPECT_TRUE(has_valid_options(Mgda{.normalize = 3}));
  EXPECT_FALSE(has_valid_options(Mgda{.normalize = 4}));
}

}  // namespace
}  // namespace medley::testing
