// FairGrad and Nash: the equations, lengths, preferences, and where there is no bargain.
#include "medley/mixes/fairgrad.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

TEST(FairGrad, SolvesItsEquationsInTheLossesUnits) {
  RandomNumbers random(1);
  for (const double alpha : {0.5, 1.0, 2.0, 10.0}) {
    for (const double unit : {1e-6, 1.0, 1e6}) {
      for (int i = 0; i < 10; ++i) {
        Gradients g = random_gradients(random, 4, 12, 0.5);
        for (Gradient& row : g) {
          for (double& x : row) x *= unit;
        }
        GramianStep step(g);
        step.own = {1.0, 2.0, 0.5, 0.5};
        const std::vector<double> w = step.weights(FairGrad{.alpha = alpha});
        EXPECT_EQ(step.flags, 0u);
        const Gradient d = combined(g, w);
        for (std::size_t k = 0; k < 4; ++k) {
          EXPECT_NEAR(dot(g[k], d) / (step.own[k] * std::pow(w[k], -1.0 / alpha)), 1.0, 1e-8);
        }
      }
    }
  }
}

TEST(Nash, IsFairGradAtOneInClosedForm) {
  const Gradients g{{1.0, 2.0, -0.5}, {-30.0, 5.0, 10.0}};
  GramianStep step(g);
  const double cosine = dot(g[0], g[1]) / norm(g[0]) / norm(g[1]);
  const std::vector<double> w = step.weights(Nash{});
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(w[k] * norm(g[k]) * std::sqrt(1.0 + cosine), 1.0, 1e-9);
  }
  EXPECT_EQ(w, step.weights(FairGrad{}));
  EXPECT_NE(w, step.weights(FairGrad{.alpha = 2.0}));
}

TEST(Nash, LengthIsTheRootOfTheNumberOfLosses) {
  RandomNumbers random(2);
  for (std::size_t losses = 2; losses <= most_losses; ++losses) {
    const Gradients g = random_gradients(random, losses, 40, 1.0);
    GramianStep step(g);
    const double count = static_cast<double>(losses);
    EXPECT_NEAR(norm(combined(g, step.weights(Nash{}))), std::sqrt(count), 1e-8);
  }
}

TEST(Nash, WithoutABargainStandsStill) {
  GramianStep opposite({{1.0, 0.0}, {-3.0, 0.0}});
  EXPECT_EQ(opposite.weights(Nash{}), (std::vector{0.0, 0.0}));
  EXPECT_TRUE(opposite.has(MixFlag::stationary));
  GramianStep nearly({{1.0, 0.0}, {-1.0, 1e-3}});
  EXPECT_GT(nearly.weights(Nash{})[0], 1.0);
  EXPECT_EQ(nearly.flags, 0u);
  // A short gradient alone is none.
  GramianStep across({{1.0, 0.0}, {0.0, 1e-8}});
  EXPECT_NEAR(across.weights(Nash{})[1], 1e8, 1.0);
  EXPECT_EQ(across.flags, 0u);
}

TEST(FairGrad, OptionsHaveBounds) {
  EXPECT_TRUE(has_valid_options(FairGrad{.alpha = 0.5}) && has_valid_options(FairGrad{}));
  for (const double wrong : {0.0, 0.4, 11.0, std::nan("")}) {
    EXPECT_FALSE(has_valid_options(FairGrad{.alpha = wrong}));
  }
}

}  // namespace
}  // namespace medley::testing
