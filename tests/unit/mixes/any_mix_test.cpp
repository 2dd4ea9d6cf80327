// A mix of any type: what the table of its type says, copies, options by their number.
#include "medley/mixes/any_mix.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "medley/mixes/all.hpp"

namespace medley {
namespace {

template <class F>
void each_mix(F&& f) {
  std::apply([&](const auto&... mix) { (f(mix), ...); }, every_mix.parts);
}

TEST(AnyMix, SaysWhatItsTypeDoes) {
  std::set<std::string> types;
  each_mix([&]<class M>(const M& mix) {
    const AnyMix any(mix);
    EXPECT_EQ(any.type(), M::type);
    EXPECT_TRUE(types.emplace(any.type()).second) << any.type();
    EXPECT_EQ(any.needs(), mix_needs<M>());
    EXPECT_EQ(any.is_constant(), is_constant_mix<M>());
    EXPECT_EQ(any.least_losses(), least_losses_of<M>());
    EXPECT_EQ(any.weighs_heads(), weighs_heads<M>());
    EXPECT_EQ(any.states().size(), mix_state<M>().size());
    EXPECT_EQ(any.option_count(), mix_options<M>().size());
    EXPECT_EQ(any.loss_option_count(), mix_loss_options<M>().size());
    EXPECT_TRUE(has_valid_options(mix));
  });
  EXPECT_EQ(types.size(), std::tuple_size_v<decltype(every_mix.parts)>);
  EXPECT_EQ(AnyMix().type(), "weighted_sum");
}

TEST(AnyMix, OptionsAreReadAndSetByTheirNumber) {
  each_mix([](const auto& mix) {
    const AnyMix usual(mix);
    for (std::size_t i = 0; i < usual.option_count(); ++i) {
      const MixOptionInfo option = usual.option(i);
      SCOPED_TRACE(std::string(usual.type()) + " " + std::string(option.name));
      AnyMix changed(usual);
      const double value =
          option.names.empty() ? option.most / 3 : static_cast<double>(option.names.size() - 1);
      changed.set(i, value);
      EXPECT_EQ(changed.get(i), value);
      for (std::size_t j = 0; j < usual.option_count(); ++j) {
        if (j == i) continue;
        EXPECT_EQ(changed.get(j), usual.get(j));
      }
    }
  });
  EXPECT_EQ(AnyMix(Blend{.a = 0.3}).get(0), 0.3);
  EXPECT_EQ(AnyMix(Uncertainty{.form = Uncertainty::revised}).get(1), 1.0);
}

TEST(AnyMix, ACopyIsOnItsOwn) {
  const AnyMix first(Blend{.a = 0.25});
  AnyMix second = first, third = WeightedSum{};
  second.set(0, 0.75);
  third = second;
  second.set(0, 1.0);
  EXPECT_EQ(first.get(0), 0.25);
  EXPECT_EQ(third.get(0), 0.75);
  EXPECT_EQ(third.type(), "blend");
  // And answers with its own numbers.
  const std::array own{1.0, 2.0};
  std::array<double, 2> weights{};
  MixStep step;
  step.own = own;
  third.weights(step, weights);
  EXPECT_EQ(weights, (std::array{0.75, 0.5}));
}

TEST(AnyMix, LossesHaveNumbersOfTheirOwn) {
  AnyMix mix(Constrained{});
  const MixLossOptionInfo limit = mix.loss_option(0);
  EXPECT_EQ(limit.name, "limit");
  EXPECT_EQ(mix.get(0, 2), limit.none);
  mix.set(0, 2, 0.5);
  EXPECT_EQ(mix.get(0, 2), 0.5);
  for (const std::size_t k : {0, 1, 3}) EXPECT_EQ(mix.get(0, k), limit.none);
}

TEST(AnyMix, WhatATypeKeepsIsUpdated) {
  const std::array own{1.0, 1.0}, values{2.0, 0.5};
  const std::array present{true, true};
  const std::array<Outputs, 2> outputs{};
  std::array<std::array<double, 2>, 4> kept{};
  MixStep step;
  step.own = step.preference = own;
  step.values = values;
  step.present = present;
  step.outputs = outputs;
  step.rate = 0.1;
  for (std::size_t i = 0; i < kept.size(); ++i) step.state[i] = kept[i];
  auto other = kept;
  AnyMix(Uncertainty{}).update(step);
  EXPECT_NE(kept, other);
  for (std::size_t i = 0; i < kept.size(); ++i) step.state[i] = other[i];
  Uncertainty{}.update(step);
  EXPECT_EQ(kept, other);
  AnyMix(WeightedSum{}).update(step);  // has none
  EXPECT_EQ(kept, other);
}

}  // namespace
}  // namespace medley
