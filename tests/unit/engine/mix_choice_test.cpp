// Mixes and step modes that are chosen when the program runs: whatever else an experiment lists, a
// training is the same; groups with mixes of their own; losses without labels; looks ahead.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "mixing_harness.hpp"

namespace medley::testing {
namespace {

// The step modes and a mix of Listed, each alone.
struct Joint : Listed {
  static constexpr UpGrad mix{};
  static constexpr auto steps = joint_steps;
};
struct Simultaneous : Listed {
  static constexpr auto steps = simultaneous_steps;
};
struct Alternating : Listed {
  static constexpr UpGrad mix{};
  static constexpr auto steps = alternating_steps;
};

template <class Alone>
void expect_same_as(int mode, const AnyMix& mix) {
  const MadeSource made = listed_source();
  Settings settings = listed_settings(made, {mix, {}}, mode);
  settings.batch_size = 5;
  MadeTraining<Listed> listed(settings);
  settings.mode = 0;
  MadeTraining<Alone> alone(settings);
  listed.step(6), alone.step(6);
  EXPECT_EQ(listed.position, alone.position);
  EXPECT_EQ(listed.report.weight, alone.report.weight);
  expect_same_tensors(listed, alone);
}
TEST(Choice, WhateverElseIsListedATrainingIsTheSame) {
  expect_same_as<Joint>(0, UpGrad{});
  expect_same_as<Simultaneous>(1, CaGrad{});
  expect_same_as<Simultaneous>(1, Uncertainty{});
  expect_same_as<Alternating>(2, UpGrad{});
}

TEST(Choice, StartsAreIndependentOfTheMixAndModeBefore) {
  const MadeSource made = listed_source();
  const Settings settings = listed_settings(made, {GradNorm{}, {}}, 2);
  MadeTraining<Listed> again(listed_settings(made, {Famo{}, {.smoothing = 0.5}})), once(settings);
  again.step(3);
  again.engine().start(settings);
  again.engine().initialize();
  again.position = {};
  again.step(3), once.step(3);
  EXPECT_EQ(again.report.weight, once.report.weight);
  for (const TensorInfo& t : again.description().tensors) {
    if (!t.is_parameter) continue;
    EXPECT_EQ(again.tensor(t.name), once.tensor(t.name)) << t.name;
  }
}

TEST(Choice, ThreadsDoNotChangeABitWithAnyMix) {
  const MadeSource made = listed_source();
  for (const AnyMix& mix : describe<Listed>().mixes) {
    for (const Composition& with :
         {Composition{}, Composition{.refresh = 2}, Composition{.gradients = 1}}) {
      if (with.refresh + with.gradients > 1 && !mix.needs().gramian) continue;
      SCOPED_TRACE(mix.type());
      Settings settings = listed_settings(made, {mix, with});
      settings.batch_size = 9;
      settings.threads = 1;
      MadeTraining<Listed> one(settings);
      settings.threads = 3;
      MadeTraining<Listed> three(settings);
      one.step(3), three.step(3);
      EXPECT_EQ(one.report.weight, three.report.weight);
      EXPECT_EQ(one.tensor("trunk.0.weight"), three.tensor("trunk.0.weight"));
      for (const StateInfo& s : mix_states(one.description()))
        EXPECT_EQ(one.state(s.name), three.state(s.name)) << s.name;
    }
  }
}

// Batches of 11, in turn without and with labels of one loss.
TEST(Labels, ALossWithoutThemTakesNoPartAndItsStateRests) {
  MadeSource made = listed_source();
  for (std::size_t i = 0; i < listed_records; ++i) made.targets[2].values[i] = NAN;
  for (const AnyMix& mix : describe<Listed>().mixes) {
    for (const Composition& with :
         {Composition{}, Composition{.smoothing = 0.5, .length = Composition::match, .refresh = 2},
          Composition{.map = Composition::logarithm, .bound = -1.0, .gradients = 1}}) {
      SCOPED_TRACE(std::string(mix.type()) + " refreshed every " + std::to_string(with.refresh));
      Settings settings = listed_settings(made, {mix, with});
      settings.batch_size = 11;
      MadeTraining<Listed> run(settings);
      for (int t = 0; t < 6; ++t) {
        const bool labelled = t % 2 == 1;
        std::vector<Numbers> before;
        for (const StateInfo& s : mix_states(run.description()))
          before.push_back(run.state(s.name));
        run.step();
        ASSERT_FALSE(run.report.diverged);
        EXPECT_EQ(run.report.measured[2], labelled);
        if (!mix.is_constant() && !labelled) {
          EXPECT_EQ(run.report.weight[2], 0.0) << t;
        }
        std::size_t i = 0;
        for (const StateInfo& s : mix_states(run.description())) {
          const Numbers after = run.state(s.name);
          for (const double x : after) ASSERT_TRUE(std::isfinite(x)) << s.name;
          if (!labelled && s.dims.size() == 1) {
            EXPECT_EQ(after[2], before[i][2]) << s.name << t;
          }
          if (s.name == "mix.all.presence") {
            EXPECT_EQ(after[2], (t + 1) / 2);
            EXPECT_EQ(after[0], t + 1);
          }
          ++i;
        }
      }
      for (const float x : run.tensor("trunk.0.weight")) ASSERT_TRUE(std::isfinite(x));
    }
  }
}

TEST(Labels, NoneAtAllLeaveTheTrunk) {
  MadeSource made = listed_source();
  for (const int t : {0, 1}) made.targets[t].labels.assign(listed_records, -1);
  for (const int t : {2, 3}) made.targets[t].values.assign(2 * listed_records, NAN);
  for (const AnyMix& mix : describe<Listed>().mixes) {
    SCOPED_TRACE(mix.type());
    Settings settings = listed_settings(made, {mix, {}});
    settings.weight[4] = 0.0;
    MadeTraining<Listed> run(settings);
    const std::vector<float> before = run.tensor("trunk.0.weight");
    run.step(2);
    EXPECT_FALSE(run.report.diverged);
    EXPECT_EQ(run.tensor("trunk.0.weight"), before);
  }
}

TEST(Groups, OneLossHasItsOwnWeightWhateverTheMix) {
  const MadeSource made = listed_source();
  Settings settings = listed_settings(made, {}, 2);
  MadeTraining<Listed> sum(settings);
  sum.step(3);
  for (const AnyMix& mix : describe<Listed>().mixes) {
    SCOPED_TRACE(mix.type());
    if (mix.least_losses() < 2 && !mix.needs().gramian) continue;
    if (mix.is_constant()) continue;
    settings.mix[1].mix = mix;
    MadeTraining<Listed> run(settings);
    run.step(3);
    EXPECT_EQ(run.report.weight[3], 1.0);
    expect_same_tensors(run, sum);
  }
}

// The first group combines gradients, the second follows its own mix, in one forward pass.
TEST(Groups, MixesOfTheirOwnInSimultaneousSteps) {
  const MadeSource made = listed_source();
  const Apart apart(made);
  Settings settings = listed_settings(made, {}, 1);
  settings.mix[0].mix = Mgda{};
  settings.mix[1].mix = LogSum{};
  settings.weight[4] = 0.0;
  MadeTraining<Listed> run(settings);
  run.step();
  const Numbers w = weights_of(run.report);
  expect_close(momentum(run, "a", "trunk."), combined(apart.trunk, {w[0], w[1], 0.0, 0.0}));
  expect_close(momentum(run, "b", "trunk."), combined(apart.trunk, {0.0, 0.0, w[2], w[3]}));
  EXPECT_NEAR(w[2], 1.5 / apart.values[2], 1e-5);
  // The least convex combination: at right angles to the difference, or one alone.
  const Numbers g = combined(apart.trunk, {w[0], w[1], 0.0, 0.0});
  EXPECT_LE(dot(g, g), (1 + 1e-5) * dot(g, apart.trunk[0]) * (w[0] + w[1]));
  EXPECT_LE(dot(g, g), (1 + 1e-5) * dot(g, apart.trunk[1]) * (w[0] + w[1]));
}

TEST(Groups, MixesOfTheirOwnInAlternatingSteps) {
  const MadeSource made = listed_source();
  const Apart apart(made);
  Settings settings = listed_settings(made, {}, 2);
  settings.mix[0].mix = EqualAngles{};
  MadeTraining<Listed> run(settings);
  run.step();
  const Numbers w = weights_of(run.report);
  const Numbers g = combined(apart.trunk, {w[0], w[1], w[2], 0.0});
  expect_close(momentum(run, "c", "trunk."), g);
  const auto angle = [&](std::size_t k) {
    return dot(g, apart.trunk[k]) / std::sqrt(dot(apart.trunk[k], apart.trunk[k]));
  };
  // In the ratios of the losses' own weights.
  EXPECT_NEAR(angle(1) / 0.5, angle(0), 1e-4 * std::fabs(angle(0)));
  EXPECT_NEAR(angle(2) / 1.5, angle(0), 1e-4 * std::fabs(angle(0)));
  EXPECT_EQ(run.position.updates[0], 1u);
  EXPECT_EQ(run.position.updates[1], 2u);
}

TEST(ValuesAfter, AreThoseOfTheBatchWithTheNewParameters) {
  const MadeSource made = listed_source();
  const Famo famo{.rate = 0.5};
  MadeTraining<Listed> run(listed_settings(made, {famo, {.values = Composition::batch}}));
  Asked twin;
  for (int t = 0; t < 4; ++t) {
    twin.values = Apart(made, &run).values;
    twin.number = static_cast<std::uint64_t>(t);
    run.step();
    const Numbers weights = twin.weights(famo);
    for (std::size_t k = 0; k < 4; ++k)
      EXPECT_NEAR(run.report.weight[k], weights[k], 1e-5 * weights[k]) << t;
    const Numbers after = Apart(made, &run).values;
    MixStep step = twin.step(famo);
    step.values_after = after;
    famo.update(step);
    const Numbers xi = run.state("mix.all.xi");
    for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(xi[k], twin.state[0][k], 1e-4) << t;
  }
}

// The gradient of the losses with their own weights, over the trunk, one step ahead.
Numbers gradient_ahead(const MadeSource& made, const MadeTraining<Listed>& from,
                       const Numbers& weights, TermSet losses) {
  MadeTraining<Listed> ahead(listed_settings(made, {}));
  const Apart apart(made, &from);
  for (const char* const part : {"trunk.", "heads."}) {
    const bool trunk = part == std::string("trunk.");
    const Numbers g = combined(trunk ? apart.trunk : apart.heads, weights);
    std::size_t i = 0;
    for (const TensorInfo& t : from.description().tensors) {
      if (!t.is_parameter || !t.name.starts_with(part)) continue;
      std::vector<float> values = from.tensor(t.name);
      for (float& x : values)
        x = static_cast<float>(static_cast<double>(x) - listed_sgd.learning_rate * g[i++]);
      ahead.set(t.name, values);
    }
  }
  Numbers own = Asked{}.own;
  for (std::size_t k = 0; k < 4; ++k) {
    if (!(losses >> k & 1u)) own[k] = 0.0;
  }
  return combined(Apart(made, &ahead).trunk, own);
}

TEST(LookAhead, ProductsAreWithTheGradientOneStepAhead) {
  const MadeSource made = listed_source();
  MadeTraining<Listed> run(listed_settings(made, {AutoLambda{.initial = 2.0}, {}}));
  const Apart apart(made);
  MadeTraining<Listed> before(listed_settings(made, {}));
  run.step();
  const Numbers w = weights_of(run.report);
  EXPECT_EQ(w, (Numbers{2.0, 1.0, 3.0, 2.0}));
  const Numbers ahead = gradient_ahead(made, before, w, 15);
  // Of Adam's first moment, a tenth is the gradient: -rate ⟨g_k, v⟩.
  const Numbers moment = run.state("mix.all.first_moment");
  for (std::size_t k = 0; k < 4; ++k) {
    const double along = dot(apart.trunk[k], ahead);
    EXPECT_NEAR(moment[k], 0.1 * -0.05 * along, 1e-4 * std::fabs(0.1 * 0.05 * along)) << k;
  }
}

TEST(LookAhead, OfEachGroupIsItsOwn) {
  const MadeSource made = listed_source();
  Settings settings = listed_settings(made, {AutoLambda{.initial = 2.0}, {}}, 1);
  MadeTraining<Listed> run(settings), before(listed_settings(made, {}));
  const Apart apart(made);
  run.step();
  const Numbers w = weights_of(run.report);
  for (const int g : {0, 1}) {
    const std::size_t a = g == 0 ? 0 : 2, b = a + 1;
    Numbers own(4);
    own[a] = w[a], own[b] = w[b];
    const Numbers ahead = gradient_ahead(made, before, own, g == 0 ? 3 : 12);
    const Numbers moment = run.state(g == 0 ? "mix.a.first_moment" : "mix.b.first_moment");
    for (const std::size_t k : {a, b}) {
      const double along = dot(apart.trunk[k], ahead);
      EXPECT_NEAR(moment[k - a], 0.1 * -0.05 * along, 1e-4 * std::fabs(0.1 * 0.05 * along)) << k;
    }
  }
}

// Weights that do not learn: with and without a look, the training is the same, prepacked weights and
// gradients of the step included.
TEST(LookAhead, LeavesNoTrace) {
  const MadeSource made = listed_source();
  MadeSource blind = made;
  blind.has_validation = false;
  for (const int mode : {0, 1}) {
    Settings settings = listed_settings(made, {AutoLambda{.initial = 2.0, .rate = 0.0}, {}}, mode);
    settings.batch_size = 7;
    MadeTraining<Listed> looking(settings);
    settings.source = &blind;
    MadeTraining<Listed> not_looking(settings);
    looking.step(5), not_looking.step(5);
    expect_same_tensors(looking, not_looking);
    EXPECT_EQ(looking.report.value, not_looking.report.value);
    EXPECT_EQ(looking.report.gradient_norm, not_looking.report.gradient_norm);
  }
}

}  // namespace
}  // namespace medley::testing
