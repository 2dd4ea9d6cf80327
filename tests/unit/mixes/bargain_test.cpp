// Newton's method for the weights of a bargain, on the equations that it is to solve.
#include "medley/mixes/bargain.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "medley/mixes/projection.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

void expect_solved(const ScaledGramian& g, const SmallVector& q, double alpha, double tolerance) {
  const Bargain found = bargain(g, q, alpha);
  ASSERT_TRUE(found.solved) << g.count << " losses, alpha " << alpha;
  for (std::size_t k = 0; k < g.count; ++k) {
    ASSERT_GT(found.w(k), 0.0);
    const double wanted = q(k) * std::pow(found.w(k), -1.0 / alpha);
    EXPECT_NEAR(g.along(k, found.w) / wanted, 1.0, tolerance) << "alpha " << alpha;
  }
}

// Gradients on one side of a plane, so that there is a solution.
Gradients downhill(RandomNumbers& random, std::size_t losses, std::size_t width, double least) {
  Gradients g = random_gradients(random, losses, width);
  for (Gradient& row : g) {
    row[0] = least + std::fabs(row[0]);
    const double scale = std::pow(10.0, random.uniform(-2.0, 2.0));
    for (double& x : row) x *= scale;
  }
  return g;
}

TEST(Bargain, SolvesItsEquations) {
  RandomNumbers random(1);
  for (const double alpha : {0.5, 1.0, 2.0, 5.0, 10.0}) {
    for (int i = 0; i < 60; ++i) {
      const std::size_t losses = 1 + random.below(most_losses);
      const ScaledGramian g = scaled(downhill(random, losses, 2 + random.below(20), 0.2));
      SmallVector q = small_vector(0.0);
      for (std::size_t k = 0; k < losses; ++k) q(k) = random.uniform(0.2, 3.0);
      expect_solved(g, q, alpha, 1e-9);
    }
  }
}

TEST(Bargain, OfGradientsThatAreDependent) {
  RandomNumbers random(2);
  for (int i = 0; i < 60; ++i) {
    Gradients g = downhill(random, 6, 3, 0.2);
    g[3] = g[1];
    for (std::size_t e = 0; e < 3; ++e) g[5][e] = 7.0 * g[0][e] * (1.0 + 1e-12 * random.normal());
    for (const double alpha : {0.5, 1.0, 5.0})
      expect_solved(scaled(g), small_vector(1.0), alpha, 1e-8);
  }
}

TEST(Bargain, OfTwoInClosedForm) {
  for (const double cosine : {-0.999999, -0.5, 0.0, 0.7, 1.0}) {
    const double sine = std::sqrt(1.0 - cosine * cosine);
    const ScaledGramian g = scaled({{1.0, 0.0}, {0.01 * cosine, 0.01 * sine}});
    const Bargain found = bargain(g, small_vector(1.0), 1.0);
    ASSERT_TRUE(found.solved);
    EXPECT_NEAR(found.w(0) * std::sqrt(1.0 + cosine), 1.0, 1e-8);
    EXPECT_NEAR(0.01 * found.w(1) * std::sqrt(1.0 + cosine), 1.0, 1e-8);
  }
}

TEST(Bargain, TakesFewSteps) {
  RandomNumbers random(3);
  int most = 0, most_of_five = 0;
  for (int i = 0; i < 100; ++i) {
    const ScaledGramian g = scaled(downhill(random, 16, 40, 0.5));
    most = std::max(most, bargain(g, small_vector(1.0), 1.0).steps);
    most_of_five = std::max(most_of_five, bargain(g, small_vector(1.0), 5.0).steps);
  }
  // Of gradients that are nearly opposite, whole steps would take ten.
  int most_of_half = 0;
  RandomNumbers other(9);
  for (int i = 0; i < 300; ++i) {
    Gradients g = random_gradients(other, 2 + other.below(6), 3);
    for (Gradient& row : g) row[0] = 0.02 + std::fabs(row[0]);
    most_of_half = std::max(most_of_half, bargain(scaled(g), small_vector(1.0), 0.5).steps);
  }
  EXPECT_LE(most_of_half, 9);
  EXPECT_LE(most, 10);
  EXPECT_LE(most_of_five, 40);
}

TEST(Bargain, WithoutSolutionItEnds) {
  const ScaledGramian g = scaled({{1.0, 0.0}, {-1.0, 0.0}});
  EXPECT_FALSE(bargain(g, small_vector(1.0), 1.0).solved);
}

TEST(Bargain, PowersWithoutALibrary) {
  RandomNumbers random(4);
  for (int i = 0; i < 1000; ++i) {
    const double x = std::pow(10.0, random.uniform(-12.0, 12.0)), e = random.uniform(-4.0, 4.0);
    EXPECT_NEAR(real_power(x, e) / std::pow(x, e), 1.0, 1e-13);
  }
  for (const double e : {0.0, 1.0, -1.0, 0.5}) EXPECT_EQ(real_power(2.25, e), std::pow(2.25, e));
}

}  // namespace
}  // namespace medley::testing
