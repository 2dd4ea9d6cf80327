// Which losses a Gramian mix combines, and what it is told of them.
#include "medley/mixes/active.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

const Gradients four{{3.0, 4.0}, {0.0, 0.0}, {0.0, -10.0}, {1.0, 0.0}};

TEST(ActiveLosses, AreThosePresentWithAGradient) {
  GramianStep step(four);
  step.own = {1.0, 5.0, 3.0, 9.0};
  step.present[3] = false;
  const ActiveLosses losses(step.step());
  ASSERT_EQ(losses.count, 2u);
  EXPECT_EQ(losses.loss[0], 0u);
  EXPECT_EQ(losses.loss[1], 2u);
  EXPECT_DOUBLE_EQ(losses.preference(0), 0.25);
  EXPECT_DOUBLE_EQ(losses.preference(1), 0.75);
  EXPECT_DOUBLE_EQ(losses.share(1), 1.5);
  EXPECT_TRUE(step.has(MixFlag::stationary));
}

TEST(ActiveLosses, AreInUnitsOfTheLargestNorm) {
  for (const double unit : {1e-140, 1.0, 1e140}) {
    Gradients g = four;
    for (Gradient& row : g) {
      for (double& x : row) x *= unit;
    }
    GramianStep step(g);
    const ActiveLosses losses(step.step());
    ASSERT_EQ(losses.count, 3u);
    EXPECT_NEAR(losses.largest_norm / unit, 10.0, 1e-12);
    EXPECT_NEAR(losses.gramian.norm(0), 0.5, 1e-15);
    EXPECT_EQ(losses.gramian.norm(1), 1.0);
    EXPECT_NEAR(losses.gramian.cosine(0, 1), -0.8, 1e-15);
    EXPECT_NEAR(losses.gramian(1, 0), -0.4, 1e-15);
    EXPECT_EQ(losses.gramian.cosine(2, 2), 1.0);
  }
}

TEST(ActiveLosses, NormsBelowATrillionthOfTheLargestAreNone) {
  GramianStep all({{1.0, 0.0}, {0.0, 2e-12}}), one({{1.0, 0.0}, {0.0, 0.5e-12}});
  EXPECT_EQ(ActiveLosses(all.step()).count, 2u);
  EXPECT_EQ(all.flags, 0u);
  EXPECT_EQ(ActiveLosses(one.step()).count, 1u);
  EXPECT_TRUE(one.has(MixFlag::stationary));
}

std::vector<double> combined_by(GramianStep& step, auto&& rule) {
  std::vector<double> out(step.own.size(), 7.0);
  combine(step.step(), out, rule);
  return out;
}

TEST(Combine, AnswersItselfForNoneOneAndZeros) {
  const auto never = [](const ActiveLosses&, SmallVector&) {
    ADD_FAILURE();
    return true;
  };
  GramianStep none(four), one(four), zeros({{0.0}, {0.0}, {0.0}});
  for (std::size_t k = 0; k < 4; ++k) none.present[k] = one.present[k] = false;
  EXPECT_EQ(combined_by(none, never), (std::vector<double>{0.0, 0.0, 0.0, 0.0}));
  one.present[2] = true;
  EXPECT_EQ(combined_by(one, never), (std::vector<double>{0.0, 0.0, 1.0, 0.0}));
  zeros.own = {1.0, 2.0, 1.0};
  zeros.present[2] = false;
  const std::vector<double> w = combined_by(zeros, never);
  EXPECT_DOUBLE_EQ(w[0], 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(w[1], 2.0 / 3.0);
  EXPECT_EQ(w[2], 0.0);
  EXPECT_TRUE(zeros.has(MixFlag::stationary));
}

TEST(Combine, FallsBackOnThePreference) {
  GramianStep refused(four), nan(four);
  refused.own = nan.own = {1.0, 1.0, 2.0, 1.0};
  const std::vector<double> preference{0.25, 0.0, 0.5, 0.25};
  EXPECT_EQ(combined_by(refused,
                        [](const ActiveLosses&, SmallVector& w) {
                          w.fill(3.0);
                          return false;
                        }),
            preference);
  EXPECT_FALSE(refused.has(MixFlag::no_solution));
  EXPECT_EQ(combined_by(nan,
                        [](const ActiveLosses&, SmallVector& w) {
                          w(1) = std::numeric_limits<double>::quiet_NaN();
                          return true;
                        }),
            preference);
  EXPECT_TRUE(nan.has(MixFlag::no_solution));
}

TEST(ActiveLosses, KnowLargeWeights) {
  GramianStep step(four);
  const ActiveLosses losses(step.step());
  EXPECT_FALSE(losses.is_large(small({300.0, 300.0, -300.0})));
  EXPECT_TRUE(losses.is_large(small({0.0, 0.0, -334.0})));
}

}  // namespace
}  // namespace medley::testing
