// Mixes: the weights they give, and that these weights mix values and gradients alike.
#include "medley/mixes/mix.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/mixes/blend.hpp"
#include "medley/mixes/constrained.hpp"
#include "medley/mixes/log_sum.hpp"
#include "medley/mixes/probe.hpp"
#include "medley/mixes/uncertainty.hpp"
#include "medley/mixes/weighted_sum.hpp"

namespace medley {
namespace {

template <std::size_t K>
std::array<double, K> weights(const auto& mix, const std::array<double, K>& own) {
  std::array<double, K> out{};
  MixStep step;
  step.own = own;
  mix.weights(step, out);
  return out;
}

TEST(Mix, WeightedSumKeepsTheTermsWeights) {
  const std::array<double, 3> own = {1.0, 0.5, 1e-4};
  EXPECT_EQ(weights(WeightedSum{}, own), own);
}

TEST(Mix, BlendSharesBetweenTheFirstTwoLosses) {
  const Blend blend{.a = 0.25};
  EXPECT_EQ(weights<2>(blend, {1.0, 1.0}), (std::array{0.25, 0.75}));
  // Weights of the terms multiply; further losses keep theirs.
  EXPECT_EQ(weights<3>(blend, {2.0, 16.0, 32.0}), (std::array{0.5, 12.0, 32.0}));
}

TEST(Mix, BlendAtItsEndsIsOneLossAlone) {
  EXPECT_EQ(weights<2>(Blend{.a = 1.0}, {3.0, 5.0}), (std::array{3.0, 0.0}));
  EXPECT_EQ(weights<2>(Blend{.a = 0.0}, {3.0, 5.0}), (std::array{0.0, 5.0}));
}

TEST(Mix, TellsWhatItIs) {
  static_assert(is_constant_mix<WeightedSum>() && is_constant_mix<Blend>());
  static_assert(!is_constant_mix<LogSum>() && !is_constant_mix<Uncertainty>());
  static_assert(least_losses_of<Blend>() == 2 && least_losses_of<WeightedSum>() == 1);
  static_assert(mix_needs<LogSum>().values && !mix_needs<Uncertainty>().values);
  static_assert(mix_state_size<Uncertainty>(3) == 12 && mix_state_size<WeightedSum>(3) == 0);
  static_assert(!UpdatingMix<LogSum> && UpdatingMix<Uncertainty>);
}

struct Watching : WeightedSum {
  static constexpr MixNeeds needs{.gramian = true};
};

TEST(Mix, HeadsAreWeighedUnlessTheGramianDecides) {
  static_assert(weighs_heads<WeightedSum>() && weighs_heads<Probe>() && !weighs_heads<Watching>());
  EXPECT_TRUE(wants_gramian(Watching{}, MixStep{}));
  EXPECT_FALSE(wants_gramian(WeightedSum{}, MixStep{}));
}

TEST(Mix, NumbersAreValidWithinTheirOptions) {
  static_assert(has_valid_options(Blend{}) && !has_valid_options(Blend{.a = 1.5}));
  static_assert(!has_valid_options(Blend{.a = -0.1}));
  EXPECT_FALSE(has_valid_options(Blend{.a = std::nan("")}));
  static_assert(has_valid_options(Uncertainty{.form = 1}));
  static_assert(!has_valid_options(Uncertainty{.form = 2}));
  static_assert(!has_valid_options(Uncertainty{.form = -1}));
}

TEST(Mix, NumbersOfLossesAreValidWithinTheirOptionsOrMissing) {
  static_assert(mix_loss_options<Constrained>().size() == 1);
  static_assert(mix_loss_options<Blend>().size() == 0);
  Constrained mix;
  EXPECT_TRUE(has_valid_options(mix));
  for (const auto& [limit, is_valid] :
       {std::pair{0.3, true}, {0.0, false}, {-1.0, false}, {std::nan(""), false}}) {
    mix.limit[1] = limit;
    EXPECT_EQ(has_valid_options(mix), is_valid) << limit;
  }
}

// Two channels and sixteen positions, with the same logits for every loss.
struct Head {
  std::array<float, 32> logits, values, gradient{};
  std::array<std::int32_t, 16> labels;
  std::array<float, 16> sample_weight;

  Head() {
    for (int i = 0; i < 32; ++i) {
      logits[i] = static_cast<float>((i * 37) % 23 - 11) * 0.2f + 0.03f;
      values[i] = static_cast<float>(i % 2);
    }
    for (int i = 0; i < 16; ++i) labels[i] = i / 3 % 2;
    sample_weight.fill(1.0f / 16.0f);
  }
  float add(const auto& loss, float weight) {
    return weight * loss.evaluate(LossBlock<2>{.positions = 16,
                                               .logits = logits.data(),
                                               .labels = labels.data(),
                                               .values = values.data(),
                                               .sample_weight = sample_weight.data(),
                                               .gradient = gradient.data(),
                                               .weight = weight});
  }
};

// All losses at once with the mix's weights, and each alone, added up afterwards.
template <class M>
void expect_linear(const M& mix, const std::array<double, 3>& own) {
  const std::array<double, 3> exact = weights<3>(mix, own);
  std::array<float, 3> w;
  for (int k = 0; k < 3; ++k) w[k] = static_cast<float>(exact[k]);
  const BinaryCrossEntropy first{};
  const Hinge second{};
  const MeanSquaredError third{};

  Head together, alone[3];
  const double value =
      together.add(first, w[0]) + together.add(second, w[1]) + together.add(third, w[2]);
  const double parts[] = {alone[0].add(first, 1.0f), alone[1].add(second, 1.0f),
                          alone[2].add(third, 1.0f)};
  EXPECT_NEAR(value, w[0] * parts[0] + w[1] * parts[1] + w[2] * parts[2], 1e-6 * std::fabs(value));
  for (int i = 0; i < 32; ++i) {
    double sum = 0.0;
    for (int k = 0; k < 3; ++k) sum += double{w[k]} * double{alone[k].gradient[i]};
    EXPECT_NEAR(together.gradient[i], sum, 1e-7) << i;
  }
}

TEST(Mix, GradientOfTheSumIsTheSumOfGradients) {
  expect_linear(WeightedSum{}, {1.0, 0.5, 2.0});
  expect_linear(Blend{.a = 0.3}, {1.0, 0.5, 2.0});
}

}  // namespace
}  // namespace medley
