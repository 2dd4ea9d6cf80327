// Smooth Tchebycheff weights against differences of their objective.
#include "medley/mixes/tchebycheff.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

TEST(Tchebycheff, IsTheSlopeOfASmoothMaximumWithAPreference) {
  for (const int scale : {Tchebycheff::logarithm, Tchebycheff::values}) {
    SteppedMix<Tchebycheff> stepped({0.7, 1.1, 2.0}, {.mu = 0.8, .warm_up = 0.0, .scale = scale});
    stepped.own = {1.0, 2.0, 0.6};
    const auto objective = [&](const Row& l) {
      double sum = 0.0;
      for (std::size_t k = 0; k < 3; ++k) {
        const double q = stepped.own[k] / 1.2;  // K p_k
        sum += std::exp(q * (scale == Tchebycheff::logarithm ? std::log(l[k]) : l[k]) / 0.8);
      }
      return 0.8 * std::log(sum);
    };
    const Row found = stepped.weights();
    for (std::size_t k = 0; k < 3; ++k) {
      Row above = stepped.values, below = stepped.values;
      above[k] += 1e-5;
      below[k] -= 1e-5;
      EXPECT_NEAR(found[k], (objective(above) - objective(below)) / 2e-5, 1e-8) << k;
    }
  }
}

TEST(Tchebycheff, WithALittleMuIsTheLargestLossAlone) {
  const Row w = SteppedMix<Tchebycheff>({0.7, 2.1, 2.0}, {.mu = 1e-3, .scale = Tchebycheff::values})
                    .weights();
  EXPECT_NEAR(w[1], 1.0, 1e-12);
  EXPECT_NEAR(w[0] + w[2], 0.0, 1e-12);
}

// n for each loss by a warm-up of one step.
SteppedMix<Tchebycheff> warmed_up(const Row& nadir, double mu) {
  SteppedMix<Tchebycheff> stepped(nadir, {.mu = mu, .warm_up = 1.0});
  stepped.update();
  stepped.epoch = 1;
  return stepped;
}

TEST(Tchebycheff, OfLogarithmsWithMuOneIsFixed) {
  const Row n{0.4, 3.0, 17.0};
  for (const Row& l : {Row{1.0, 1.0, 1.0}, {0.1, 7.0, 0.02}, {30.0, 2.0, 5.0}}) {
    auto stepped = warmed_up(n, 1.0);
    stepped.values = l;
    const Row w = stepped.weights();
    for (std::size_t k = 1; k < 3; ++k) EXPECT_NEAR(w[k] / w[0], n[0] / n[k], 1e-9);
  }
}

TEST(Tchebycheff, WarmsUpAsALogSumAndTakesTheMeanOfTheLastEpoch) {
  SteppedMix<Tchebycheff> stepped({2.0, 0.5}, {.mu = 0.5, .warm_up = 2.0});
  for (const auto& [epoch, values] : std::vector<std::pair<std::uint32_t, Row>>{
           {0, {100.0, 100.0}}, {1, {2.0, 0.5}}, {1, {4.0, 1.0}}}) {
    stepped.epoch = epoch;
    stepped.values = values;
    const Row w = stepped.weights();
    for (int k = 0; k < 2; ++k) EXPECT_NEAR(w[k] * values[k], 1.0, 1e-9);
    stepped.update();
  }
  stepped.epoch = 2;
  stepped.values = {6.0, 1.5};  // both are twice the mean, 3 and 0.75
  Row w = stepped.weights();
  EXPECT_NEAR(w[0], 0.5 / 6.0, 1e-10);
  EXPECT_NEAR(w[1], 0.5 / 1.5, 1e-10);
  const auto kept = stepped.kept;
  stepped.update();
  EXPECT_EQ(stepped.kept, kept);
}

TEST(Tchebycheff, BeginsALossThatComesLateAtItsFirstValue) {
  SteppedMix<Tchebycheff> stepped({2.0, 0.5}, {.mu = 0.5, .warm_up = 1.0});
  stepped.present[1] = false;
  stepped.update();
  stepped.epoch = 1;
  stepped.present[1] = true;
  stepped.values = {2.0, 8.0};
  const Row first = stepped.weights();
  EXPECT_NEAR(first[0], 0.25, 1e-10);
  EXPECT_NEAR(first[1], 0.5 / 8.0, 1e-10);
  stepped.update();
  stepped.values = {2.0, 16.0};  // 1 and 2 times n; e^(log 2 / 0.5) = 4
  const Row second = stepped.weights();
  EXPECT_NEAR(second[0], 0.2 / 2.0, 1e-10);
  EXPECT_NEAR(second[1], 0.8 / 16.0, 1e-10);
}

}  // namespace
}  // namespace medley
