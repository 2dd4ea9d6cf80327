// GradNorm: where its weights settle, and their bounds.
#include "medley/mixes/gradnorm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

TEST(GradNorm, BeginsWithTheLossesOwnWeights) {
  SteppedMix<GradNorm> stepped({1.0, 1.0});
  stepped.own = {0.5, 3.0};
  EXPECT_EQ(stepped.weights(), stepped.own);
}

TEST(GradNorm, BringsGradientsToOneLengthWithoutAsymmetry) {
  SteppedMix<GradNorm> stepped({1.0, 2.0, 3.0}, {.a = 0.0, .rate = 1e-3});
  stepped.set_lengths({2.0, 1.0, 4.0});
  for (int t = 0; t < 8000; ++t) stepped.update();
  const Row w = stepped.weights();
  EXPECT_NEAR(w[0] * 2.0 / (w[1] * 1.0), 1.0, 0.02);
  EXPECT_NEAR(w[2] * 4.0 / (w[1] * 1.0), 1.0, 0.02);
}

TEST(GradNorm, LengthensTheGradientOfALossThatLags) {
  SteppedMix<GradNorm> stepped({1.0, 2.0}, {.a = 1.0, .rate = 1e-3});
  stepped.set_lengths({1.0, 1.0});
  stepped.update();  // first values
  stepped.values = {0.5, 3.0};
  for (int t = 0; t < 8000; ++t) stepped.update();
  // What is left is 0.5 and 1.5, with the mean 1.
  EXPECT_NEAR(stepped.weights()[1], 1.5, 0.02);
  EXPECT_NEAR(stepped.weights()[0], 0.5, 0.02);
}

TEST(GradNorm, FirstValuesAreThoseWhenALossWasFirstThere) {
  SteppedMix<GradNorm> stepped({1.0, 2.0, 5.0});
  stepped.set_lengths({1.0, 1.0, 1.0});
  stepped.present[1] = false;
  stepped.update();
  stepped.present[1] = true;
  stepped.values = {4.0, 7.0, 0.1};
  stepped.update();
  EXPECT_NEAR(stepped.kept[4][0], 1.0, 1e-9);
  EXPECT_NEAR(stepped.kept[4][1], 7.0, 1e-9);
  EXPECT_NEAR(stepped.kept[4][2], 5.0, 1e-9);
}

TEST(GradNorm, KeepsWeightsAboveZeroAndSaysSo) {
  SteppedMix<GradNorm> stepped({1.0, 1.0}, {.a = 0.0, .rate = 0.5});
  stepped.set_lengths({1e6, 1.0});
  stepped.update();
  EXPECT_FALSE(stepped.flagged(MixFlag::clamped));
  for (int t = 0; t < 3; ++t) stepped.update();
  EXPECT_TRUE(stepped.flagged(MixFlag::clamped));
  EXPECT_GT(stepped.weights()[0], 0.0);
  EXPECT_LT(stepped.weights()[0], 1.1e-3);
  EXPECT_NEAR(stepped.weights()[0] + stepped.weights()[1], 2.0, 1e-14);
}

}  // namespace
}  // namespace medley
