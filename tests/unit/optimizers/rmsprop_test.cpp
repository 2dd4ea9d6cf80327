// RMSprop against PyTorch's trajectories and against answers in closed form.
#include "medley/optimizers/rmsprop.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "tests/optimizer_harness.hpp"

namespace medley::testing {
namespace {

static_assert(Optimizer<RmsProp>);

TEST(RmsProp, AgreesWithPyTorchOverFiftySteps) {
  const nlohmann::json problem = golden("optimizers.json"), all = golden("rmsprop.json");
  ASSERT_EQ(all["trajectories"].size(), 4u);
  for (const auto& test : all["trajectories"]) {
    const nlohmann::json& o = test["options"];
    SCOPED_TRACE(o.dump());
    expect_trajectory(RmsProp{.learning_rate = o["learning_rate"],
                              .alpha = o["alpha"],
                              .epsilon = o["epsilon"],
                              .momentum = o["momentum"],
                              .centered = o["centered"],
                              .weight_decay = o["weight_decay"]},
                      problem, test);
  }
}

TEST(RmsProp, OfAConstantGradientTendsToTheRate) {
  // v = g² (1 - α^t), so that a step is the rate over √(1 - α^t), whatever the gradient.
  for (const float g : {1e-3f, -250.0f}) {
    Walker<RmsProp> walker(RmsProp{.learning_rate = 0.125, .alpha = 0.75, .epsilon = 1e-20},
                           all_of(0.0f));
    double expected = 0.0;
    for (int step = 1; step <= 12; ++step) {
      walker.step(all_of(g), true);
      expected -= std::copysign(0.125, g) / std::sqrt(1.0 - std::pow(0.75, step));
      EXPECT_NEAR(walker.theta()[7], expected, 1e-6 * step);
    }
  }
}

TEST(RmsProp, MomentumAddsUpSteps) {
  // With α = 0 each step is g / |g|: b_t = (1 - μ^t) / (1 - μ).
  Walker<RmsProp> walker(
      RmsProp{.learning_rate = 0.5, .alpha = 0.0, .epsilon = 1e-20, .momentum = 0.5}, all_of(0.0f));
  float expected = 0.0f;
  for (int step = 1; step <= 8; ++step) {
    walker.step(all_of(4.0f), true);
    const float buffer = 2.0f * (1.0f - std::ldexp(1.0f, -step));
    expected -= 0.5f * buffer;
    EXPECT_EQ(walker.moment(1)[3], buffer);
    EXPECT_EQ(walker.theta()[3], expected);
  }
}

// Of a gradient that never changes v - a² ends at 0, where rounding must not leave a root of less.
TEST(RmsProp, CentreOfAConstantGradientIsFinite) {
  for (const float g : {0.3f, 7.7f, 1e-4f}) {
    Walker<RmsProp> walker(RmsProp{.learning_rate = 1e-9, .alpha = 0.5, .centered = true},
                           all_of(0.0f));
    for (int step = 0; step < 200; ++step) {
      walker.step(all_of(g), true);
      ASSERT_TRUE(std::isfinite(walker.theta()[0])) << g << ", step " << step;
    }
    EXPECT_NEAR(walker.moment(2)[0] / g, 1.0, 1e-6);
  }
}

TEST(RmsProp, KeepsWhatItsNumbersNeed) {
  static_assert(RmsProp{}.kept_moments() == 1 && RmsProp{.momentum = 0.9}.kept_moments() == 2);
  static_assert(RmsProp{.centered = true}.kept_moments() == 3);
  // What is not kept is 0 before every step, and makes no difference.
  Walker<RmsProp> whole(RmsProp{}, all_of(1.0f)), kept(RmsProp{}, all_of(1.0f));
  for (int step = 0; step < 5; ++step) {
    whole.step(all_of(0.5f), true);
    kept.forget_moments();
    kept.step(all_of(0.5f), true);
    EXPECT_EQ(whole.theta()[0], kept.theta()[0]);
  }
}

TEST(RmsProp, NotANumberIsNotHidden) {
  expect_nan_shows(RmsProp{});
  expect_nan_shows(RmsProp{.momentum = 0.9, .centered = true});
}

TEST(RmsProp, ValidKnowsItsRanges) {
  static_assert(RmsProp{}.valid() && RmsProp{.alpha = 0.0}.valid());
  static_assert(!RmsProp{.alpha = 1.0}.valid() && !RmsProp{.momentum = 1.0}.valid());
  static_assert(!RmsProp{.learning_rate = 0.0}.valid() && !RmsProp{.epsilon = 0.0}.valid());
  static_assert(!RmsProp{.weight_decay = -1.0}.valid());
}

TEST(RmsProp, BitsAreTheSameEverywhere) {
  const std::uint64_t found =
      digest_of(RmsProp{.learning_rate = 0.02},
                RmsProp{.momentum = 0.9, .centered = true, .weight_decay = 0.1});
  EXPECT_EQ(found, 0x8F684F427C22BDFDu) << std::hex << found;
}

}  // namespace
}  // namespace medley::testing
