// Random weights: of the step alone, and distributed as they should be.
#include "medley/mixes/random_weights.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

TEST(RandomWeights, AreDrawnAnewInEveryStepAndOfTheStepAlone) {
  SteppedMix<RandomWeights> stepped({1.0, 2.0, 3.0});
  const auto first = stepped.weights();
  EXPECT_EQ(stepped.weights(), first);
  stepped.values = {7.0, 0.0, 0.1};
  EXPECT_EQ(stepped.weights(), first);
  stepped.update();
  EXPECT_NE(stepped.weights(), first);
}

TEST(RandomWeights, AreOfStandardNormalNumbers) {
  SteppedMix<RandomWeights> stepped({1.0, 1.0});
  double sum = 0.0, squares = 0.0, products = 0.0, share = 0.0;
  constexpr int draws = 20000;
  for (int t = 0; t < draws; ++t) {
    const MixStep step = stepped.step();
    const double a = RandomWeights::normal(step, 0), b = RandomWeights::normal(step, 1);
    const auto w = stepped.weights();
    EXPECT_NEAR(std::log(w[0] / w[1]), a - b, 1e-12);
    sum += a;
    squares += a * a;
    products += a * b;
    share += w[0];
    stepped.update();
  }
  // Four standard errors.
  EXPECT_NEAR(sum / draws, 0.0, 4.0 / std::sqrt(draws));
  EXPECT_NEAR(squares / draws, 1.0, 4.0 * std::sqrt(2.0 / draws));
  EXPECT_NEAR(products / draws, 0.0, 4.0 / std::sqrt(draws));
  EXPECT_NEAR(share / draws, 0.5, 4.0 * 0.3 / std::sqrt(draws));
}

TEST(RandomWeights, SharesAreAmongThosePresent) {
  SteppedMix<RandomWeights> stepped({1.0, 2.0, 3.0});
  const auto all = stepped.weights();
  stepped.present[0] = false;
  const auto two = stepped.weights();
  EXPECT_NEAR(two[1] + two[2], 1.0, 1e-15);
  EXPECT_NEAR(two[1] / two[2], all[1] / all[2], 1e-14);
}

}  // namespace
}  // namespace medley
