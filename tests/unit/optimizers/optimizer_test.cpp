// Optimizers against PyTorch's trajectories and against answers in closed form.
#include "medley/optimizers/optimizer.hpp"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "medley/optimizers/adam.hpp"
#include "medley/optimizers/sgd.hpp"

namespace medley {
namespace {

static_assert(Optimizer<Sgd> && Optimizer<Adam> && Optimizer<AdamW>);

// Parameters and moments as the training step keeps them: padded to 16.
template <class O>
class Walker {
 public:
  Walker(const O& optimizer, std::vector<float> theta)
      : optimizer_(optimizer), theta_(std::move(theta)) {
    for (auto& moment : moments_) moment.assign(theta_.size(), 0.0f);
  }

  // One update; all parameters or none decay.
  void step(const std::vector<float>& gradient, bool decays) {
    const auto constants = optimizer_.at(++steps_, optimizer_.learning_rate);
    for (std::size_t i = 0; i < theta_.size(); i += 16) {
      std::array<Vec, O::moments.size()> state;
      for (std::size_t m = 0; m < state.size(); ++m) state[m] = Vec::load(&moments_[m][i]);
      const Vec theta = Vec::load(&theta_[i]);
      (theta + O::change(constants, theta, Vec::load(&gradient[i]), state, decays))
          .store(&theta_[i]);
      for (std::size_t m = 0; m < state.size(); ++m) state[m].store(&moments_[m][i]);
    }
  }
  const std::vector<float>& theta() const { return theta_; }
  const std::vector<float>& moment(int m) const { return moments_[static_cast<std::size_t>(m)]; }

 private:
  O optimizer_;
  std::uint64_t steps_ = 0;
  std::vector<float> theta_;
  std::array<std::vector<float>, O::moments.size()> moments_;
};

// --- PyTorch -------------------------------------------------------------------------------------

nlohmann::json golden() {
  std::ifstream file("tests/golden/optimizers.json");
  EXPECT_TRUE(file) << "tests run from the project's folder, where tests/golden/optimizers.json is";
  return nlohmann::json::parse(file);
}

// Parameters [first, last) of the file's problem, padded with parameters that stay at 0.
struct Problem {
  std::vector<float> start, goal, stiffness, push;

  Problem(const nlohmann::json& all, std::size_t first, std::size_t last)
      : start(part(all["start"], first, last)),
        goal(part(all["goal"], first, last)),
        stiffness(part(all["stiffness"], first, last)),
        push(part(all["push"], first, last)) {}

  std::vector<float> gradient(const std::vector<float>& theta, int step) const {
    std::vector<float> g(theta.size());
    for (std::size_t i = 0; i < g.size(); ++i) {
      g[i] = stiffness[i] * (theta[i] - goal[i]) + push[i] * static_cast<float>(step % 5 - 2);
    }
    return g;
  }

 private:
  static std::vector<float> part(const nlohmann::json& list, std::size_t first, std::size_t last) {
    const auto all = list.get<std::vector<float>>();
    std::vector<float> some(all.begin() + static_cast<std::ptrdiff_t>(first),
                            all.begin() + static_cast<std::ptrdiff_t>(last));
    some.resize((some.size() + 15) / 16 * 16, 0.0f);
    return some;
  }
};

template <class O>
void expect_part(const O& optimizer, const nlohmann::json& all, const nlohmann::json& expected,
                 std::size_t first, std::size_t last, bool decays) {
  const Problem problem(all, first, last);
  Walker<O> walker(optimizer, problem.start);
  std::size_t compared = 0;
  for (int step = 1; step <= 50; ++step) {
    walker.step(problem.gradient(walker.theta(), step), decays);
    const auto shown = expected.find(std::to_string(step));
    if (shown == expected.end()) continue;
    ++compared;
    for (std::size_t i = first; i < last; ++i) {
      const double theta = (*shown)[i];
      EXPECT_NEAR(walker.theta()[i - first], theta, 1e-5 * std::max(0.1, std::fabs(theta)))
          << "parameter " << i << " after step " << step;
    }
  }
  EXPECT_EQ(compared, 4u);
}

template <class O>
void expect_trajectory(const O& optimizer, const nlohmann::json& all, const nlohmann::json& test) {
  EXPECT_TRUE(optimizer.valid());
  const std::size_t decaying = all["decaying"], count = all["start"].size();
  expect_part(optimizer, all, test["parameters"], 0, decaying, true);
  expect_part(optimizer, all, test["parameters"], decaying, count, false);
}

template <class A>
A make_adam(const nlohmann::json& o) {
  return {.learning_rate = o["learning_rate"],
          .beta1 = o["beta1"],
          .beta2 = o["beta2"],
          .epsilon = o["epsilon"],
          .weight_decay = o["weight_decay"]};
}

TEST(Optimizer, AgreesWithPyTorchOverFiftySteps) {
  const nlohmann::json all = golden();
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

std::vector<float> all_of(float x) { return std::vector<float>(16, x); }

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
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto after = [&](auto optimizer) {
    Walker walker(optimizer, all_of(1.0f));
    walker.step(all_of(nan), true);
    return walker.theta()[0];
  };
  EXPECT_TRUE(std::isnan(after(Sgd{})));
  EXPECT_TRUE(std::isnan(after(Adam{})));
  EXPECT_TRUE(std::isnan(after(AdamW{})));
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
  const nlohmann::json all = golden();
  const Problem problem(all, 0, 20);
  XXH3_state_t* const state = XXH3_createState();
  XXH3_64bits_reset(state);
  const auto digest = [&](auto optimizer) {
    Walker walker(optimizer, problem.start);
    for (int step = 1; step <= 50; ++step) {
      walker.step(problem.gradient(walker.theta(), step), true);
      XXH3_64bits_update(state, walker.theta().data(), walker.theta().size() * sizeof(float));
    }
  };
  digest(Sgd{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 0.02});
  digest(Adam{.learning_rate = 0.02, .weight_decay = 0.1});
  digest(AdamW{.learning_rate = 0.02});
  const std::uint64_t found = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  EXPECT_EQ(found, 0x9479EA557C4CBE6Du) << std::hex << found;
}

}  // namespace
}  // namespace medley
