// Optimizers against PyTorch's trajectories and against answers in closed form.
#include "medley/optimizers/optimizer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "medley/optimizers/adam.hpp"
#include "medley/optimizers/sgd.hpp"
#include "tests/optimizer_harness.hpp"

namespace medley::testing {
namespace {

static_assert(Optimizer<Sgd> && Optimizer<Adam> && Optimizer<AdamW>);

template <class A>
A make_adam(const nlohmann::json& o) {
  return {.learning_rate = o["learning_rate"],
          .beta1 = o["beta1"],
          .beta2 = o["beta2"],
          .epsilon = o["epsilon"],
          .weight_decay = o["weight_decay"]};
}

TEST(Optimizer, AgreesWithPyTorchOverFiftySteps) {
  const nlohmann::json all = golden("optimizers.json");
  ASSERT_EQ(all["trajectories"].size(), 7u);
  for (const auto& test : all["trajectories"]) {
    const nlohmann::json& o = test["options"];
    SCOPED_TRACE(test["optimizer"].get<std::string>() + " " + o.dump());
    if (test["optimizer"] == Adam::type) {
      expect_trajectory(make_adam<Adam>(o), all, test);
    } else if (test["optimizer"] == AdamW::type) {
      expect_trajectory(make_adam<AdamW>(o), all, test);
    } else {
      ASSERT_EQ(test["optimizer"], Sgd::type);
      expect_trajectory(Sgd{.learning_rate = o["learning_rate"],
                            .momentum = o.value("momentum", 0.0),
                            .nesterov = o.value("nesterov", false),
                            .weight_decay = o.value("weight_decay", 0.0)},
                        all, test);
    }
  }
}

// --- closed form ---------------------------------------------------------------------------------

TEST(Optimizer, PlainSgdShrinksAQuadraticGeometrically) {
  Walker<Sgd> walker(Sgd{.learning_rate = 0.25}, all_of(8.0f));
  for (int step = 0; step < 10; ++step) walker.step(walker.theta(), true);
  EXPECT_EQ(walker.theta()[5], 8.0f * std::pow(0.75f, 10.0f));  // all exact in binary
}

TEST(Optimizer, MomentumOfAConstantGradientGrowsToItsLimit) {
  // b_t = g (1 - μ^t) / (1 - μ), from a buffer of 0.
  Walker<Sgd> walker(Sgd{.learning_rate = 0.5, .momentum = 0.5}, all_of(0.0f));
  float expected = 0.0f;
  for (int step = 1; step <= 8; ++step) {
    walker.step(all_of(1.0f), true);
    const float buffer = 2.0f * (1.0f - std::ldexp(1.0f, -step));
    expected -= 0.5f * buffer;
    EXPECT_EQ(walker.moment(0)[3], buffer);
    EXPECT_EQ(walker.theta()[3], expected);
  }
}

TEST(Optimizer, NesterovLooksOneStepAhead) {
  Walker<Sgd> walker(Sgd{.learning_rate = 1.0, .momentum = 0.5, .nesterov = true}, all_of(0.0f));
  walker.step(all_of(1.0f), true);  // b = 1, step g + b / 2
  EXPECT_EQ(walker.theta()[0], -1.5f);
  walker.step(all_of(1.0f), true);  // b = 1.5
  EXPECT_EQ(walker.theta()[0], -1.5f - 1.75f);
}

TEST(Optimizer, FirstStepOfAdamIsTheRateWhateverTheGradient) {
  for (const float g : {1e-3f, 1.0f, -250.0f}) {
    Walker<Adam> walker(Adam{.learning_rate = 0.125}, all_of(2.0f));
    walker.step(all_of(g), true);
    EXPECT_NEAR(walker.theta()[9], g > 0 ? 1.875 : 2.125, 2e-5);
  }
}

TEST(Optimizer, AdamOfAConstantGradientKeepsItsPace) {
  // m / (1 - β1^t) = g and v / (1 - β2^t) = g² at every step.
  Walker<Adam> walker(Adam{.learning_rate = 0.01}, all_of(0.0f));
  for (int step = 1; step <= 1000; ++step) {
    walker.step(all_of(3.0f), true);
    EXPECT_NEAR(walker.theta()[0], -0.01 * step, 1e-5 * step * 0.1);
  }
}

TEST(Optimizer, DecoupledDecayIsGeometricWithoutAGradient) {
  Walker<AdamW> walker(AdamW{.learning_rate = 0.5, .weight_decay = 0.25}, all_of(1.0f));
  for (int step = 0; step < 6; ++step) walker.step(all_of(0.0f), true);
  EXPECT_EQ(walker.theta()[0], std::pow(0.875f, 6.0f));
  walker.step(all_of(0.0f), false);
  EXPECT_EQ(walker.theta()[0], std::pow(0.875f, 6.0f)) << "not a weight";
}

TEST(Optimizer, DecayOfSgdEqualsAnL2Gradient) {
  Walker<Sgd> decayed(Sgd{.learning_rate = 0.5, .weight_decay = 0.25}, all_of(4.0f));
  decayed.step(all_of(1.0f), true);
  EXPECT_EQ(decayed.theta()[0], 4.0f - 0.5f * (1.0f + 0.25f * 4.0f));
}

TEST(Optimizer, NotANumberIsNotHidden) {
  expect_nan_shows(Sgd{});
  expect_nan_shows(Adam{});
  expect_nan_shows(AdamW{});
}

TEST(Optimizer, PowersComeBySquaring) {
  EXPECT_EQ(integer_power(0.5, 0), 1.0);
  EXPECT_EQ(integer_power(0.5, 10), 0x1p-10);
  EXPECT_EQ(integer_power(3.0, 13), 1594323.0);
  EXPECT_NEAR(integer_power(0.999, 12345) / std::pow(0.999, 12345.0), 1.0, 1e-12);
  EXPECT_EQ(integer_power(0.9, std::uint64_t{1} << 40), 0.0);
}

TEST(Optimizer, ValidKnowsItsRanges) {
  static_assert(Sgd{}.valid() && Adam{}.valid() && AdamW{}.valid());
  static_assert(!Sgd{.nesterov = true}.valid() && !Sgd{.momentum = 1.0}.valid());
  static_assert(!Sgd{.learning_rate = 0.0}.valid() && !Adam{.beta2 = 1.0}.valid());
  static_assert(!Adam{.epsilon = 0.0}.valid() && !AdamW{.weight_decay = -1.0}.valid());
}

TEST(Optimizer, BitsAreTheSameEverywhere) {
  const std::uint64_t found =
      digest_of(Sgd{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 0.02},
                Adam{.learning_rate = 0.02, .weight_decay = 0.1}, AdamW{.learning_rate = 0.02});
  EXPECT_EQ(found, 0x9479EA557C4CBE6Du) << std::hex << found;
}

}  // namespace
}  // namespace medley::testing
