// Gradient surgery against projections of gradients written out as vectors.
#include "medley/mixes/pcgrad.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

// Weights that the mix answers for these gradients.
std::vector<double> mixed(const Gradients& g, std::uint64_t number = 0,
                          std::vector<double> own = {}, std::uint32_t absent = 0) {
  GramianStep step(g);
  if (!own.empty()) step.own = std::move(own);
  for (std::size_t k = 0; k < g.size(); ++k) step.present[k] = (absent >> k & 1u) == 0;
  step.number = number;
  return step.weights(PcGrad{});
}

TEST(PcGrad, OfTwoInConflictIsTwiceUpGrad) {
  const Gradients g{{1.0, 2.0, -0.5}, {-3.0, 0.5, 1.0}};
  const double products = dot(g[0], g[1]);
  ASSERT_LT(products, 0);
  const std::vector<double> w = mixed(g);
  for (int k = 0; k < 2; ++k) {
    const double upgrad = 0.5 * (1.0 - products / dot(g[k], g[k]));
    EXPECT_NEAR(w[k], 2.0 * upgrad, 1e-15);
  }
  // No loss rises along the direction.
  const Gradient direction = combined(g, w);
  EXPECT_GE(dot(direction, g[0]), -1e-12);
  EXPECT_GE(dot(direction, g[1]), -1e-12);
}

// Own weights are shares of as many as there are losses.
TEST(PcGrad, WithoutConflictIsTheSumWithOwnWeights) {
  const Gradients g{{1.0, 0.0, 0.2}, {0.5, 1.0, 0.0}, {0.1, 0.1, 3.0}};
  EXPECT_EQ(mixed(g), (std::vector{1.0, 1.0, 1.0}));
  const std::vector<double> own{1.0, 0.25, 3.0}, w = mixed(g, 0, own);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_DOUBLE_EQ(w[k], own[k] * 3.0 / 4.25);
}

// The definition, on the vectors themselves, in some order of the others for every loss.
void expect_some_order(const Gradients& g, std::uint64_t step) {
  static constexpr int others[2][2] = {{0, 1}, {1, 0}};
  const Gradient found = combined(g, mixed(g, step));
  bool is_one = false;
  for (int orders = 0; orders < 8; ++orders) {
    Gradient sum(g[0].size());
    for (int i = 0; i < 3; ++i) {
      const int rest[2] = {i == 0 ? 1 : 0, i == 2 ? 1 : 2};
      Gradient p = g[i];
      for (const int at : others[orders >> i & 1]) {
        const Gradient& q = g[rest[at]];
        const double along = dot(p, q);
        for (std::size_t e = 0; along < 0 && e < p.size(); ++e) p[e] -= along / dot(q, q) * q[e];
      }
      for (std::size_t e = 0; e < p.size(); ++e) sum[e] += p[e];
    }
    double distance = 0;
    for (std::size_t e = 0; e < sum.size(); ++e) distance += std::fabs(sum[e] - found[e]);
    is_one = is_one || distance < 1e-12;
  }
  EXPECT_TRUE(is_one) << "step " << step;
}

const Gradients three{{1.0, 0.3, -0.2, 0.1}, {-0.8, 0.5, 0.3, 0.4}, {-0.1, -1.0, 0.6, 0.2}};

TEST(PcGrad, OfThreeProjectsInSomeOrder) {
  for (std::uint64_t step = 0; step < 20; ++step) expect_some_order(three, step);
}

TEST(PcGrad, OrdersDependOnTheStepAlone) {
  std::set<std::vector<double>> seen;
  for (std::uint64_t step = 0; step < 40; ++step) {
    const std::vector<double> once = mixed(three, step);
    EXPECT_EQ(once, mixed(three, step));
    seen.insert(once);
  }
  EXPECT_GE(seen.size(), 4u);
}

TEST(PcGrad, LossesThatAreAbsentAreAsIfTheyWereNotThere) {
  const std::vector<double> all = mixed(three, 3, {}, 0b010), two = mixed({three[0], three[2]}, 3);
  EXPECT_EQ(all[1], 0.0);
  EXPECT_NEAR(all[0], two[0], 1e-15);
  EXPECT_NEAR(all[2], two[1], 1e-15);
}

}  // namespace
}  // namespace medley::testing
