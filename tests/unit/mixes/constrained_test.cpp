// Multipliers: that they find limits which can be met, and say where one cannot.
#include "medley/mixes/constrained.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

// One parameter x: minimize (x - 2)², with x² held below a limit.
double trained_below(double limit, SteppedMix<Constrained>& stepped, int steps) {
  double x = 1.0;
  stepped.mix.limit[1] = limit;
  for (int t = 0; t < steps; ++t) {
    stepped.values = {(x - 2.0) * (x - 2.0), x * x};
    const Row w = stepped.weights();
    stepped.update();
    x -= 0.002 * (w[0] * 2.0 * (x - 2.0) + w[1] * 2.0 * x);
  }
  return x;
}

TEST(Constrained, HoldsALossAtItsLimitWithTheMultiplierOfTheLagrangian) {
  SteppedMix<Constrained> stepped({0.0, 0.0});
  const double x = trained_below(0.25, stepped, 20000);
  EXPECT_NEAR(x, 0.5, 1e-4);
  // (x - 2) + w x = 0
  EXPECT_NEAR(stepped.weights()[1], 3.0, 1e-2);
  EXPECT_EQ(stepped.flags, 0u);
}

TEST(Constrained, LeavesALossAloneThatIsBelowItsLimit) {
  SteppedMix<Constrained> stepped({0.0, 0.0});
  EXPECT_NEAR(trained_below(9.0, stepped, 20000), 2.0, 1e-9);
  EXPECT_EQ(stepped.weights(), (Row{1.0, 0.0}));
  EXPECT_EQ(stepped.kept[0][1], 0.0);
}

TEST(Constrained, FollowsItsFormula) {
  SteppedMix<Constrained> stepped({1.0, 3.0, 8.0}, {.rate = 0.5, .damping = 0.3});
  stepped.own = {2.0, 1.0, 4.0};
  stepped.mix.limit[1] = 2.0;
  EXPECT_EQ(stepped.weights(), (Row{2.0, 0.0, 4.0}));  // nothing is known of the second yet
  stepped.update();
  double lambda = 0.5 * (3.0 / 2.0 - 1.0);
  EXPECT_NEAR(stepped.weights()[1], (lambda + 0.3 * 0.5) / 2.0, 1e-14);
  stepped.values[1] = 0.1;
  stepped.update();
  const double excess = (0.09 * 3.0 + 0.1 * 0.1) / 0.19 / 2.0 - 1.0;
  lambda += 0.5 * excess;
  EXPECT_NEAR(stepped.kept[0][1], lambda, 1e-14);
  EXPECT_NEAR(stepped.weights()[1], (lambda + 0.3 * excess) / 2.0, 1e-14);
  for (int t = 0; t < 60; ++t) stepped.update();
  EXPECT_EQ(stepped.kept[0][1], 0.0);
  EXPECT_EQ(stepped.weights()[1], 0.0);
}

TEST(Constrained, SaysThatALimitCannotBeHad) {
  SteppedMix<Constrained> stepped({1.0, 5.0}, {.rate = 10.0});
  stepped.mix.limit[1] = 1.0;
  for (int t = 0; t < 25; ++t) {
    EXPECT_FALSE(stepped.flagged(MixFlag::infeasible)) << t;
    stepped.update();
  }
  EXPECT_TRUE(stepped.flagged(MixFlag::infeasible));
  stepped.update();
  EXPECT_EQ(stepped.kept[0][1], 1e3);
}

TEST(Constrained, WithoutLimitsIsTheWeightedSum) {
  SteppedMix<Constrained> stepped({1.0, 5.0});
  stepped.own = {0.5, 2.0};
  stepped.update();
  EXPECT_EQ(stepped.weights(), stepped.own);
}

}  // namespace
}  // namespace medley
