// The active-set projection against all supports of its multipliers, and on the conditions that make
// a solution the solution; least norms against all supports too.
#include "medley/mixes/projection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "medley/mixes/cholesky.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

constexpr double endless = std::numeric_limits<double>::infinity();

// The problem in gradients of length one, with what is added to the diagonal.
struct Problem {
  std::size_t count;
  SmallMatrix a;
  SmallVector u = small_vector(0.0), b = small_vector(0.0);
  double scale = 0.0;

  Problem(const ScaledGramian& g, const SmallVector& raw_u, const SmallVector& raw_b)
      : count(g.count), a(g.cosine) {
    double square = 0.0;
    for (std::size_t k = 0; k < count; ++k) {
      a(k, k) += 1e-8;
      u(k) = g.norm(k) * raw_u(k);
      b(k) = raw_b(k) / g.norm(k);
      if (std::isfinite(b(k))) scale = std::max(scale, std::fabs(b(k)));
    }
    for (std::size_t k = 0; k < count; ++k) square += u(k) * times(u, k);
    scale = std::max(scale, std::sqrt(square));
  }
  double times(const SmallVector& x, std::size_t i) const {
    double sum = 0.0;
    for (std::size_t k = 0; k < count; ++k) sum += a(i, k) * x(k);
    return sum;
  }
  double violation(const SmallVector& z, std::size_t i) const {
    return b(i) - times(u, i) - times(z, i);
  }
  // With equality on a support and zeros elsewhere.
  SmallVector on_support(unsigned support) const {
    std::vector<std::size_t> active;
    for (std::size_t k = 0; k < count; ++k) {
      if ((support >> k & 1u) != 0) active.push_back(k);
    }
    SmallMatrix l = small_matrix(0.0);
    SmallVector y = small_vector(0.0), z = small_vector(0.0);
    for (std::size_t i = 0; i < active.size(); ++i) {
      y(i) = b(active[i]) - times(u, active[i]);
      for (std::size_t j = 0; j < active.size(); ++j) l(i, j) = a(active[i], active[j]);
    }
    EXPECT_TRUE(factor_cholesky(l, active.size()));
    solve_cholesky(l, active.size(), y);
    for (std::size_t i = 0; i < active.size(); ++i) z(active[i]) = y(i);
    return z;
  }
  // By how much a candidate misses feasibility or a sign; signs count in the same units.
  double miss(const SmallVector& z) const {
    double most = 0.0;
    for (std::size_t k = 0; k < count; ++k) most = std::max({most, violation(z, k), -z(k)});
    return most;
  }
  SmallVector by_enumeration() const {
    SmallVector best = small_vector(0.0);
    double least = endless;
    for (unsigned support = 0; support < 1u << count; ++support) {
      bool can = true;
      for (std::size_t k = 0; k < count; ++k) {
        can = can && ((support >> k & 1u) == 0 || std::isfinite(b(k)));
      }
      if (!can) continue;
      const SmallVector z = on_support(support);
      if (miss(z) < least) {
        least = miss(z);
        best = z;
      }
    }
    return best;
  }
  // ‖Jᵀ(y - z)‖
  double distance(const SmallVector& y, const SmallVector& z) const {
    SmallVector difference = small_vector(0.0);
    for (std::size_t k = 0; k < count; ++k) difference(k) = y(k) - z(k);
    double square = 0.0;
    for (std::size_t k = 0; k < count; ++k) square += difference(k) * times(difference, k);
    return std::sqrt(std::max(square, 0.0));
  }
};

// In gradients of length one.
SmallVector solved(const ScaledGramian& g, const SmallVector& u, const SmallVector& b) {
  const Projection found = project(g, u, b);
  EXPECT_NE(found.end, ProjectionEnd::unsolved);
  EXPECT_LE(found.steps, static_cast<int>(4 * g.count + 8));
  SmallVector z = found.z;
  for (std::size_t k = 0; k < g.count; ++k) z(k) *= g.norm(k);
  return z;
}

// Feasible, multipliers that are not negative, and none where a bound is not reached.
void expect_optimal(const Problem& p, const SmallVector& z) {
  double sizes = 0.0;
  for (std::size_t k = 0; k < p.count; ++k) sizes += z(k);
  const double rounding = 1e-14 * sizes;
  for (std::size_t k = 0; k < p.count; ++k) {
    EXPECT_GE(z(k), 0.0);
    if (!std::isfinite(p.b(k))) {
      EXPECT_EQ(z(k), 0.0);
      continue;
    }
    const double s = p.violation(z, k);
    EXPECT_LE(s, 2e-9 * p.scale + rounding);
    EXPECT_TRUE(z(k) == 0.0 || s >= -2e-9 * p.scale - rounding)
        << "multiplier " << z(k) << " at " << s;
  }
}

struct Bounds {
  SmallVector u, b;
};

// As the mixes ask: from a mean or one gradient with bounds of zero, from zero with bounds of one,
// and with a bound left out.
std::vector<Bounds> questions(RandomNumbers& random, const ScaledGramian& g) {
  SmallVector mean = small_vector(1.0 / static_cast<double>(g.count)), one = small_vector(0.0);
  one(0) = 1.0;
  SmallVector some = small_vector(0.0), part = small_vector(-endless);
  for (std::size_t k = 0; k < g.count; ++k) some(k) = random.normal();
  for (std::size_t k = 1; k < g.count; ++k) part(k) = 0.1 * g.norm(k) * g.norm(k);
  return {{mean, small_vector(0.0)},
          {one, small_vector(0.0)},
          {some, small_vector(0.0)},
          {small_vector(0.0), small_vector(1.0)},
          {one, part}};
}

Gradients without_zeros(Gradients g) {
  std::erase_if(g, [](const Gradient& row) { return norm(row) == 0.0; });
  return g;
}

TEST(Projection, IsThatOfTheBestSupport) {
  RandomNumbers random(1);
  for (int i = 0; i < 120; ++i) {
    const std::size_t losses = 2 + random.below(5), width = 1 + random.below(8);
    const ScaledGramian g =
        scaled(i % 2 == 0 ? random_gradients(random, losses, width, 1.0)
                          : without_zeros(degenerate_gradients(random, losses, width)));
    for (const Bounds& q : questions(random, g)) {
      const Problem p(g, q.u, q.b);
      const SmallVector z = solved(g, q.u, q.b), best = p.by_enumeration();
      // A bound that is missed by 1e-9 moves d by 1e-5 where only the added diagonal holds it.
      double size = p.scale;
      for (std::size_t k = 0; k < g.count; ++k) size = std::max(size, 1e-6 * best(k));
      EXPECT_LE(p.distance(z, best), (i % 2 == 0 && width >= losses ? 1e-7 : 2e-5) * size);
    }
  }
}

TEST(Projection, OfManyLossesIsOptimal) {
  RandomNumbers random(2);
  for (int i = 0; i < 200; ++i) {
    const std::size_t losses = 7 + random.below(10), width = 1 + random.below(24);
    const ScaledGramian g =
        scaled(i % 2 == 0 ? random_gradients(random, losses, width, 1.0)
                          : without_zeros(degenerate_gradients(random, losses, width)));
    for (const Bounds& q : questions(random, g)) {
      expect_optimal(Problem(g, q.u, q.b), solved(g, q.u, q.b));
    }
  }
}

TEST(Projection, DoesNotHangOnUnits) {
  RandomNumbers random(3);
  const Gradients g = random_gradients(random, 5, 4, 0.5);
  const SmallVector u = small_vector(0.2);
  const SmallVector z = project(scaled(g), u, small_vector(0.0)).z;
  for (const double unit : {1e-12, 1e-6, 1e6, 1e12}) {
    Gradients other = g;
    for (Gradient& row : other) {
      for (double& x : row) x *= unit;
    }
    const SmallVector y = project(scaled(other), u, small_vector(0.0)).z;
    for (std::size_t k = 0; k < 5; ++k) EXPECT_NEAR(y(k), z(k), 1e-9);
  }
}

TEST(Projection, SaysWhatCannotBeHad) {
  const ScaledGramian opposite = scaled({{1.0, 0.0}, {-1.0, 0.0}});
  EXPECT_EQ(project(opposite, small_vector(0.5), small_vector(1.0)).end, ProjectionEnd::infeasible);
  // Bounds of zero can always be had.
  EXPECT_EQ(project(opposite, small_vector(0.5), small_vector(0.0)).end, ProjectionEnd::solved);
  EXPECT_EQ(project(scaled({{1.0, 0.0}, {0.0, 1.0}}), small_vector(0.5), small_vector(9.0)).end,
            ProjectionEnd::solved);
}

// Large multipliers whose gradients almost cancel are no sign of it where bounds are zero.
TEST(Projection, OfBoundsOfZeroIsAlwaysFeasible) {
  const ScaledGramian wedge = scaled({{1.0, 0.0}, {-1.0, 1e-5}, {0.0, -1.0}});
  const Projection found = project(wedge, small({0.0, 0.0, 1.0}), small_vector(0.0));
  EXPECT_EQ(found.end, ProjectionEnd::solved);
  EXPECT_GT(found.z(0), 400.0);
}

TEST(Projection, WithoutViolationChangesNothing) {
  const ScaledGramian g = scaled({{1.0, 0.0}, {0.5, 2.0}});
  const Projection found = project(g, small_vector(0.5), small_vector(0.0));
  EXPECT_EQ(found.steps, 0);
  for (std::size_t k = 0; k < 2; ++k) EXPECT_EQ(found.z(k), 0.0);
}

TEST(LeastNorm, OfTwoInClosedForm) {
  RandomNumbers random(4);
  for (int i = 0; i < 50; ++i) {
    const Gradients g = random_gradients(random, 2, 2, 0.5);
    const double a = dot(g[0], g[0]), b = dot(g[0], g[1]), c = dot(g[1], g[1]);
    const double first = std::clamp((c - b) / (a + c - 2 * b), 0.0, 1.0);
    const LeastNorm found = least_norm(scaled(g));
    EXPECT_NEAR(found.w(0), first, 1e-6);
    EXPECT_NEAR(found.w(1), 1.0 - first, 1e-6);
    EXPECT_FALSE(found.is_zero);
  }
}

TEST(LeastNorm, IsNoLongerThanAnyOtherCombination) {
  RandomNumbers random(5);
  for (int i = 0; i < 60; ++i) {
    const std::size_t losses = 2 + random.below(15);
    const ScaledGramian g = scaled(random_gradients(random, losses, 1 + random.below(20), 0.5));
    const LeastNorm found = least_norm(g);
    ASSERT_TRUE(found.solved);
    double sum = 0.0;
    for (std::size_t k = 0; k < losses; ++k) sum += found.w(k);
    EXPECT_NEAR(sum, 1.0, 1e-12);
    // Nearer to every vertex, the norm does not fall.
    for (std::size_t k = 0; k < losses; ++k) {
      EXPECT_GE(g.along(k, found.w), found.norm * found.norm - 1e-7);
    }
  }
}

TEST(LeastNorm, KnowsWhereZeroIsAmongThem) {
  RandomNumbers random(6);
  int zero = 0;
  for (int i = 0; i < 60; ++i) {
    Gradients g = random_gradients(random, 4, 9);
    g.push_back(Gradient(9));
    std::vector<double> w;
    for (int k = 0; k < 4; ++k) w.push_back(-random.uniform(0.2, 1.0));
    g.back() = combined({g[0], g[1], g[2], g[3]}, w);
    const LeastNorm found = least_norm(scaled(g));
    zero += found.is_zero;
    EXPECT_LE(found.norm, 1e-6);
  }
  EXPECT_EQ(zero, 60);
}

}  // namespace
}  // namespace medley::testing
