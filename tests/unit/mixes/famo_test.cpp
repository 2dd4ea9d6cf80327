// FAMO: its weights, its step against differences, and what it is for.
#include "medley/mixes/famo.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

TEST(Famo, GivesAllToALossThatIsZero) {
  const Row w = SteppedMix<Famo>({1.0, 0.0}).weights();
  EXPECT_NEAR(w[0], 1e-8, 1e-15);
  EXPECT_NEAR(w[1], 1.0, 1e-7);
}

TEST(Famo, AnAbsentLossTakesNothing) {
  SteppedMix<Famo> stepped({1.0, 4.0, 0.0});
  stepped.present[2] = false;
  const Row w = stepped.weights();
  EXPECT_NEAR(w[0], 0.8, 1e-8);
  EXPECT_NEAR(w[1], 0.2, 1e-8);
}

// The first step of Adam goes by the rate against the sign of z_k (δ_k - Σ_j z_j δ_j).
TEST(Famo, TurnsToTheLossThatFellLess) {
  SteppedMix<Famo> stepped({1.0, 2.0, 3.0});
  stepped.after = {0.5, 1.9, 1.6};
  stepped.update();
  EXPECT_NEAR(stepped.kept[0][0], -0.025, 1e-6);
  EXPECT_NEAR(stepped.kept[0][1], 0.025, 1e-6);
  EXPECT_NEAR(stepped.kept[0][2], -0.025, 1e-6);
}

TEST(Famo, LetsGoOfWhatItLearnedByGamma) {
  SteppedMix<Famo> stepped({1.0, 2.0}, {.rate = 0.01, .gamma = 0.5});
  stepped.kept[0] = {3.0, -3.0};
  for (int t = 0; t < 2000; ++t) stepped.update();  // no loss falls
  EXPECT_NEAR(stepped.kept[0][0], 0.0, 1e-3);
  EXPECT_NEAR(stepped.kept[0][1], 0.0, 1e-3);
}

// Losses exp(-s_k · u_k), where u_k are what the steps along w add up to: left alone, the one with
// the larger s falls faster. FAMO makes both fall at one relative rate.
TEST(Famo, LetsLossesFallAtOneRelativeRate) {
  const Row speed{4.0, 1.0};
  SteppedMix<Famo> stepped({1.0, 1.0}, {.gamma = 0.0});
  Row log_loss{0.0, 0.0}, fall(2);
  for (int t = 0; t < 3000; ++t) {
    for (std::size_t k = 0; k < 2; ++k) stepped.values[k] = std::exp(log_loss[k]);
    const Row w = stepped.weights();
    for (std::size_t k = 0; k < 2; ++k) {
      fall[k] = 1e-3 * speed[k] * w[k] * stepped.values[k];
      log_loss[k] -= fall[k];
      stepped.after[k] = std::exp(log_loss[k]);
    }
    stepped.update();
  }
  EXPECT_NEAR(fall[0] / fall[1], 1.0, 0.05);
}

}  // namespace
}  // namespace medley
