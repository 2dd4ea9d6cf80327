// Priority-constrained descent: what auxiliary losses are promised, length, means of norms, and what
// happens without the main loss or a solution.
#include "medley/mixes/pcd.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "medley/mixes/upgrad.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

// Auxiliary loss in conflict with the main one.
const Gradients conflict{{4.0, 0.0}, {-0.3, 0.4}};

// In the first step every gradient has its usual length. d = u_1 + z u_2 with u_2·d = τ.
TEST(Pcd, OfTwoInClosedForm) {
  for (const double tau : {0.0, 0.02, 0.5}) {
    GramianStep step(conflict);
    const Gradient d = combined(conflict, step.weights(Pcd{.tau = tau}));
    const double z = tau + 0.6;
    const Gradient wanted{1.0 - 0.6 * z, 0.8 * z};
    EXPECT_NEAR(norm(d), 4.0, 1e-12);
    for (std::size_t e = 0; e < 2; ++e) EXPECT_NEAR(d[e] / 4.0, wanted[e] / norm(wanted), 1e-7);
    EXPECT_EQ(step.flags, 0u);
  }
}

TEST(Pcd, WithoutConflictFollowsTheMainLoss) {
  GramianStep step({{4.0, 0.0}, {3.0, 1.0}});
  EXPECT_EQ(step.weights(Pcd{}), (std::vector{1.0, 0.0}));
}

TEST(Pcd, ScalesOfAuxiliaryLossesChangeNothing) {
  RandomNumbers random(1);
  GramianStep one(conflict), two(conflict);
  for (int i = 0; i < 5; ++i) {
    Gradients g = random_gradients(random, 4, 8);
    one = GramianStep(g);
    for (double& x : g[2]) x *= 1e4;
    two = GramianStep(g);
    const std::vector<double> w = one.weights(Pcd{.tau = 0.3}), v = two.weights(Pcd{.tau = 0.3});
    EXPECT_NEAR(w[2], v[2] * 1e4, 1e-7);
    EXPECT_NEAR(w[0], v[0], 1e-7);
  }
}

TEST(Pcd, NormsAreMeantOverTheirOwnSteps) {
  const Pcd pcd{.beta = 0.5};
  GramianStep step(conflict);
  step.weights(pcd);
  step.update(pcd);
  EXPECT_DOUBLE_EQ(step.kept[0][0], 8.0);
  EXPECT_DOUBLE_EQ(step.kept[0][1], 0.125);
  step.present[1] = false;
  EXPECT_EQ(step.weights(pcd), (std::vector{1.0, 0.0}));
  step.update(pcd);
  EXPECT_DOUBLE_EQ(step.kept[0][0], 12.0);
  EXPECT_DOUBLE_EQ(step.kept[0][1], 0.125);
  EXPECT_EQ(step.kept[1], (std::vector{2.0, 1.0}));
  // The auxiliary gradient is twice its length, a mean square of (1 + 2·4)/3 / 4; τ asks that share.
  step.present[1] = true;
  const Gradients longer{{4.0, 0.0}, {-0.6, 0.8}};
  step.products = products_of(longer);
  const Gradient d = combined(longer, step.weights(Pcd{.tau = 0.1, .beta = 0.5}));
  const double usual = std::sqrt((0.25 * 0.25 + 0.5 * 1.0) / 0.75);
  const double size = 1.0 / usual, z = (0.1 * size * size + 0.6 * size) / size;
  const Gradient wanted{1.0 - 0.6 * z, 0.8 * z};
  for (std::size_t e = 0; e < 2; ++e) EXPECT_NEAR(d[e] / 4.0, wanted[e] / norm(wanted), 1e-7);
}

TEST(Pcd, WithoutTheMainLossIsUpGrad) {
  RandomNumbers random(2);
  Gradients g = random_gradients(random, 4, 3);
  GramianStep step(g), upgrad(g);
  step.present[0] = upgrad.present[0] = false;
  EXPECT_EQ(step.weights(Pcd{}), upgrad.weights(UpGrad{}));
  EXPECT_TRUE(step.has(MixFlag::no_main));
  g[0] = {0.0, 0.0, 0.0};
  GramianStep zero(g);
  EXPECT_EQ(zero.weights(Pcd{}), step.weights(Pcd{}));
  EXPECT_TRUE(zero.has(MixFlag::no_main) && zero.has(MixFlag::stationary));
  GramianStep none(g);
  for (std::size_t k = 0; k < 4; ++k) none.present[k] = false;
  none.weights(Pcd{});
  EXPECT_EQ(none.flags, 0u);
}

TEST(Pcd, WhatCannotBeHadLeavesTheMainLossAlone) {
  GramianStep step({{1.0, 1.0}, {1.0, 0.0}, {-1.0, 0.0}});
  EXPECT_EQ(step.weights(Pcd{}), (std::vector{1.0, 0.0, 0.0}));
  EXPECT_TRUE(step.has(MixFlag::infeasible));
  // Standing still is what an opposite loss would have; its direction is rounding.
  GramianStep opposite({{1.0, 0.0}, {-1.0, 0.0}});
  EXPECT_EQ(opposite.weights(Pcd{.tau = 0.0}), (std::vector{1.0, 0.0}));
  EXPECT_TRUE(opposite.has(MixFlag::infeasible));
}

TEST(Pcd, OptionsHaveBounds) {
  static_assert(least_losses_of<Pcd>() == 2);
  EXPECT_TRUE(has_valid_options(Pcd{.tau = 1.0, .beta = 0.0}));
  EXPECT_FALSE(has_valid_options(Pcd{.tau = 1.1}) || has_valid_options(Pcd{.beta = 1.0}));
}

}  // namespace
}  // namespace medley::testing
