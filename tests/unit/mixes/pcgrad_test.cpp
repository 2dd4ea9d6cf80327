// Gradient surgery against projections of gradients written out as vectors.
#include "medley/mixes/pcgrad.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

namespace medley {
namespace {

using Gradient = std::vector<double>;

double dot(const Gradient& a, const Gradient& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Weights that the mix answers for these gradients.
struct Mixed {
  std::vector<double> weight, products;

  explicit Mixed(const std::vector<Gradient>& g, std::uint64_t step = 0,
                 std::vector<double> own = {}, std::uint32_t absent = 0)
      : weight(g.size()) {
    if (own.empty()) own.assign(g.size(), 1.0);
    for (const Gradient& a : g) {
      for (const Gradient& b : g) products.push_back(dot(a, b));
    }
    std::array<bool, 32> present{};
    for (std::size_t k = 0; k < g.size(); ++k) present[k] = (absent >> k & 1u) == 0;
    MixStep s;
    s.own = own;
    s.present = std::span<const bool>(present).first(g.size());
    s.gramian = {products.data(), g.size()};
    s.random = RandomStream(7, Purpose::mix, 0, step);
    PcGrad{}.weights(s, weight);
  }
};

Gradient combined(const std::vector<Gradient>& g, const std::vector<double>& weight) {
  Gradient sum(g[0].size());
  for (std::size_t k = 0; k < g.size(); ++k) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight[k] * g[k][i];
  }
  return sum;
}

TEST(PcGrad, OfTwoInConflictIsTwiceUpGrad) {
  const std::vector<Gradient> g{{1.0, 2.0, -0.5}, {-3.0, 0.5, 1.0}};
  const double products = dot(g[0], g[1]);
  ASSERT_LT(products, 0);
  const Mixed mixed(g);
  for (int k = 0; k < 2; ++k) {
    const double upgrad = 0.5 * (1.0 - products / dot(g[k], g[k]));
    EXPECT_NEAR(mixed.weight[k], 2.0 * upgrad, 1e-15);
  }
  // No loss rises along the direction.
  const Gradient direction = combined(g, mixed.weight);
  EXPECT_GE(dot(direction, g[0]), -1e-12);
  EXPECT_GE(dot(direction, g[1]), -1e-12);
}

TEST(PcGrad, WithoutConflictIsTheSumWithOwnWeights) {
  const Mixed mixed({{1.0, 0.0, 0.2}, {0.5, 1.0, 0.0}, {0.1, 0.1, 3.0}}, 0, {1.0, 0.25, 3.0});
  EXPECT_EQ(mixed.weight, (std::vector{1.0, 0.25, 3.0}));
}

// The definition, on the vectors themselves, in some order of the others for every loss.
void expect_some_order(const std::vector<Gradient>& g, std::uint64_t step) {
  static constexpr int others[2][2] = {{0, 1}, {1, 0}};
  const Gradient found = combined(g, Mixed(g, step).weight);
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

const std::vector<Gradient> three{
    {1.0, 0.3, -0.2, 0.1}, {-0.8, 0.5, 0.3, 0.4}, {-0.1, -1.0, 0.6, 0.2}};

TEST(PcGrad, OfThreeProjectsInSomeOrder) {
  for (std::uint64_t step = 0; step < 20; ++step) expect_some_order(three, step);
}

TEST(PcGrad, OrdersDependOnTheStepAlone) {
  std::set<std::vector<double>> seen;
  for (std::uint64_t step = 0; step < 40; ++step) {
    const std::vector<double> once = Mixed(three, step).weight;
    EXPECT_EQ(once, Mixed(three, step).weight);
    seen.insert(once);
  }
  EXPECT_GE(seen.size(), 4u);
}

TEST(PcGrad, LossesThatAreAbsentAreAsIfTheyWereNotThere) {
  const Mixed all(three, 3, {}, 0b010), two({three[0], three[2]}, 3);
  EXPECT_EQ(all.weight[1], 0.0);
  EXPECT_NEAR(all.weight[0], two.weight[0], 1e-15);
  EXPECT_NEAR(all.weight[2], two.weight[1], 1e-15);
}

TEST(PcGrad, IsValidForWhatItCanHold) {
  static_assert(PcGrad{}.valid(1) && PcGrad{}.valid(32));
  static_assert(!PcGrad{}.valid(0) && !PcGrad{}.valid(33));
}

}  // namespace
}  // namespace medley
