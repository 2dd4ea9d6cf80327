// Auto-Lambda: which weights gain, and their bound.
#include "medley/mixes/auto_lambda.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

TEST(AutoLambda, FavoursLossesThatPointAsTheValidationDoes) {
  SteppedMix<AutoLambda> stepped({1.0, 1.0, 1.0}, {.initial = 0.1, .rate = 0.01});
  stepped.own = {1.0, 1.0, 2.0};
  stepped.along = {3.0, -0.5, 0.0};
  EXPECT_EQ(stepped.weights(), (Row{0.1, 0.1, 0.2}));
  stepped.update();
  const Row w = stepped.weights();
  EXPECT_NEAR(w[0], 0.11, 1e-6);
  EXPECT_NEAR(w[1], 0.09, 1e-6);
  EXPECT_EQ(w[2], 0.2);
}

TEST(AutoLambda, DoesNotGoBelowZeroAndSaysSo) {
  SteppedMix<AutoLambda> stepped({1.0, 1.0}, {.initial = 0.1, .rate = 0.03});
  stepped.along = {1.0, -1.0};
  for (int t = 0; t < 3; ++t) stepped.update();
  EXPECT_FALSE(stepped.flagged(MixFlag::clamped));
  for (int t = 0; t < 2; ++t) stepped.update();
  EXPECT_TRUE(stepped.flagged(MixFlag::clamped));
  EXPECT_EQ(stepped.weights()[1], 0.0);
  stepped.along = {1.0, 1.0};
  for (int t = 0; t < 40; ++t) stepped.update();
  EXPECT_GT(stepped.weights()[1], 0.0);
}

}  // namespace
}  // namespace medley
