// Trained weights against their definition in double precision, with the C library's functions.
#include "medley/mixes/uncertainty.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "medley/base/exact_math.hpp"

namespace medley {
namespace {

// Three losses: on classes, on values, on classes.
struct Trained {
  std::array<std::array<double, 3>, 4> kept{};
  std::array<double, 3> own{1.0, 2.0, 0.5}, values{}, weight{};
  std::array<Outputs, 3> outputs{Outputs::softmax, Outputs::values, Outputs::sigmoid};
  std::array<bool, 3> present{true, true, true};
  Uncertainty mix{};

  MixStep step() {
    MixStep s;
    s.own = own;
    s.outputs = outputs;
    s.present = present;
    s.values = values;
    for (int i = 0; i < 4; ++i) s.state[i] = kept[i];
    s.rate = 0.05;
    return s;
  }
  std::array<double, 3> weights() {
    mix.weights(step(), weight);
    return weight;
  }
};

TEST(Exponential, IsThatOfTheCLibrary) {
  for (double x = -30.0; x <= 30.0; x += 0.0371) {
    EXPECT_NEAR(exponential(x) / std::exp(x), 1.0, 5e-16) << x;
  }
  EXPECT_EQ(exponential(0.0), 1.0);
  EXPECT_NEAR(exponential(-700.0) / std::exp(-700.0), 1.0, 1e-15);
  EXPECT_NEAR(exponential(700.0) / std::exp(700.0), 1.0, 1e-15);
}

TEST(Uncertainty, BeginsWithLikelihoodsOfVarianceOne) {
  EXPECT_EQ(Trained{}.weights(), (std::array{1.0, 1.0, 0.5}));
}

TEST(Uncertainty, FollowsItsDefinition) {
  Trained trained;
  trained.mix.rate = 2.0;
  std::array<double, 3> s{}, m{}, v{};
  const std::array<double, 3> h{1.0, 0.5, 1.0};
  for (int t = 1; t <= 20; ++t) {
    for (int k = 0; k < 3; ++k) trained.values[k] = 0.3 + 0.7 * k + std::sin(t + k);
    for (int k = 0; k < 3; ++k) {
      EXPECT_NEAR(trained.weights()[k], trained.own[k] * h[k] * std::exp(-s[k]), 1e-12);
      const double g = -h[k] * std::exp(-s[k]) * trained.values[k] + 0.5;
      m[k] = 0.9 * m[k] + 0.1 * g;
      v[k] = 0.999 * v[k] + 0.001 * g * g;
      s[k] -=
          0.1 * m[k] / (1 - std::pow(0.9, t)) / (std::sqrt(v[k] / (1 - std::pow(0.999, t))) + 1e-8);
    }
    trained.mix.update(trained.step());
    for (int k = 0; k < 3; ++k) EXPECT_NEAR(trained.kept[0][k], s[k], 1e-12) << t;
  }
}

TEST(Uncertainty, SettlesWhereTheWeightsAreOfTheLossesInverse) {
  Trained trained;
  trained.values = {0.02, 5.0, 1.0};
  for (int t = 0; t < 5000; ++t) trained.mix.update(trained.step());
  for (int k = 0; k < 3; ++k) {
    EXPECT_NEAR(trained.weights()[k] * 2 * trained.values[k] / trained.own[k], 1.0, 1e-2);
  }
}

TEST(Uncertainty, StateOfAnAbsentLossRests) {
  Trained trained;
  trained.values = {1.0, 2.0, 3.0};
  trained.mix.update(trained.step());
  const auto before = trained.kept;
  trained.present[1] = false;
  trained.values[1] = 100.0;
  trained.mix.update(trained.step());
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(trained.kept[i][1], before[i][1]);
    EXPECT_NE(trained.kept[i][0], before[i][0]);
  }
}

TEST(Uncertainty, StaysBetweenTenAndMinusTen) {
  Trained trained;
  trained.mix.rate = 1000.0;
  trained.values = {0.0, 1e9, 0.1};
  for (int t = 0; t < 3; ++t) trained.mix.update(trained.step());
  EXPECT_EQ(trained.kept[0][0], -10.0);
  EXPECT_EQ(trained.kept[0][1], 10.0);
}

TEST(Uncertainty, SaysThatItStandsAtItsBound) {
  Trained trained;
  trained.mix.rate = 1000.0;
  trained.values = {0.5, 0.5, 0.5};
  MixFlags flags = 0;
  MixStep step = trained.step();
  step.flags = &flags;
  step.rate = 1e-6;
  trained.mix.update(step);
  EXPECT_EQ(flags, 0u);
  step.rate = 0.05;
  trained.mix.update(step);
  EXPECT_EQ(flags, 1u << static_cast<int>(MixFlag::clamped));
}

// s' = 0 where e^-s l / 2 = e^s / (1 + e^s), whose solution is e^s = (l + √(l² + 8 l)) / 4.
TEST(Uncertainty, RevisedSettlesWhereItsObjectiveIsLeast) {
  Trained trained;
  trained.mix.form = Uncertainty::revised;
  trained.values = {1e-3, 5.0, 1.0};
  trained.own = {1.0, 1.0, 1.0};
  for (int t = 0; t < 5000; ++t) trained.mix.update(trained.step());
  for (int k = 0; k < 3; ++k) {
    const double l = trained.values[k], variance = (l + std::sqrt(l * l + 8 * l)) / 4;
    EXPECT_NEAR(trained.weights()[k] * 2 * variance, 1.0, 1e-2);
  }
  // Where a loss vanishes, its weight grows as its root alone.
  EXPECT_NEAR(trained.weights()[0] * std::sqrt(2 * trained.values[0]), 1.0, 0.02);
}

}  // namespace
}  // namespace medley
