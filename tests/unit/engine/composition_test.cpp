// What goes with any mix, in whole steps: the map of the losses, smoothing, length, weights that are
// kept, values of the batch and gradients at the trunk's output, against gradients written out.
#include "medley/mixes/composition.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "mixing_harness.hpp"

namespace medley::testing {
namespace {

MixChoice choice(const AnyMix& mix, Composition with = {}) { return {mix, with}; }

// The gradient of the step that was made from `before`.
Numbers last_gradient(const MadeTraining<Listed>& run, const Numbers& before,
                      const std::string& start) {
  Numbers g = momentum(run, "all", start);
  for (std::size_t i = 0; i < g.size(); ++i) g[i] -= 0.9 * before[i];
  return g;
}

void expect_weights(const StepReport& report, const Numbers& expected) {
  for (int k = 0; k < listed_losses; ++k) {
    const double w = expected[static_cast<std::size_t>(k)];
    EXPECT_NEAR(report.weight[k], w, 1e-4 * (std::fabs(w) + 1e-3)) << k;
  }
}

TEST(Gramians, EveryMixIsToldTheInnerProductsOverTheTrunk) {
  const MadeSource made = listed_source();
  const Apart apart(made);
  int combining = 0;
  for (const AnyMix& mix : describe<Listed>().mixes) {
    if (!mix.needs().gramian) continue;
    ++combining;
    Asked asked;
    asked.values = apart.values;
    asked.gramian = apart.gramian();
    MadeTraining<Listed> run(listed_settings(made, choice(mix)));
    if (!mix.wants_gramian(asked.step(mix))) continue;
    SCOPED_TRACE(mix.type());
    run.step();
    expect_weights(run.report, asked.weights(mix));
    const Numbers weights = weights_of(run.report);
    Numbers trunk = combined(apart.trunk, weights);
    Numbers heads = combined(apart.heads, mix.weighs_heads() ? weights : Numbers(4, 1.0));
    // The penalty is in the trunk too; its gradient is what is left where all else is taken away.
    Settings settings = listed_settings(made, {});
    settings.weight.fill(0.0);
    settings.weight[4] = 1e-2;
    MadeTraining<Listed> penalty(settings);
    penalty.step();
    trunk = combined({trunk, momentum(penalty, "all", "trunk.")}, {1.0, 1.0});
    heads = combined({heads, momentum(penalty, "all", "heads.")}, {1.0, 1.0});
    expect_close(momentum(run, "all", "trunk."), trunk);
    expect_close(momentum(run, "all", "heads."), heads);
  }
  EXPECT_GE(combining, 12);
}

// Without the penalty, so that gradients are those of losses alone.
Settings free_of_penalty(const MadeSource& made, const MixChoice& of, int mode = 0) {
  Settings settings = listed_settings(made, of, mode);
  settings.weight[4] = 0.0;
  return settings;
}

TEST(LogMap, DividesGradientsByTheLossAboveItsBound) {
  const MadeSource made = listed_source();
  const Apart apart(made);
  MadeTraining<Listed> run(
      free_of_penalty(made, choice(WeightedSum{}, {.map = Composition::logarithm, .bound = -0.5})));
  run.step();
  const Numbers own = Asked{}.own;
  Numbers expected;
  for (int k = 0; k < listed_losses; ++k)
    expected.push_back(own[static_cast<std::size_t>(k)] /
                       (apart.values[static_cast<std::size_t>(k)] + 0.5));
  expect_weights(run.report, expected);
  expect_close(momentum(run, "all", "trunk."), combined(apart.trunk, expected));
  expect_close(momentum(run, "all", "heads."), combined(apart.heads, expected));
}

TEST(LogMap, AGramianMixSeesTheGradientsOfTheLogarithms) {
  const MadeSource made = listed_source();
  const Apart apart(made);
  MadeTraining<Listed> run(
      free_of_penalty(made, choice(UpGrad{}, {.map = Composition::logarithm})));
  run.step();
  Asked asked;
  asked.gramian = apart.gramian();
  Numbers slope;
  for (const double value : apart.values) slope.push_back(1.0 / (value + 1e-12));
  for (std::size_t i = 0; i < 16; ++i) asked.gramian[i] *= slope[i / 4] * slope[i % 4];
  Numbers expected = asked.weights(UpGrad{});
  for (std::size_t k = 0; k < 4; ++k) expected[k] *= slope[k];
  expect_weights(run.report, expected);
  expect_close(momentum(run, "all", "trunk."), combined(apart.trunk, expected));
  // Heads: the gradients of the logarithms, times one.
  expect_close(momentum(run, "all", "heads."), combined(apart.heads, slope));
}

TEST(LogMap, HoldsForALossThatIsAlone) {
  MadeSource made = listed_source();
  for (const int t : {2, 3}) made.targets[t].values.assign(2 * listed_records, NAN);
  made.targets[1].labels.assign(listed_records, -1);
  for (const AnyMix& mix : {AnyMix(UpGrad{}), AnyMix(LogSum{}), AnyMix(WeightedSum{})}) {
    MadeTraining<Listed> run(
        listed_settings(made, choice(mix, {.map = Composition::logarithm, .bound = -1.0})));
    run.step();
    EXPECT_NEAR(run.report.weight[0], 1.0 / (run.report.value[0] + 1.0), 1e-6) << mix.type();
  }
}

TEST(Length, IsOneOrThatOfTheLossesOwnWeights) {
  const MadeSource made = listed_source();
  const Apart apart(made);
  const auto length = [&](const Numbers& w) {
    const Numbers g = combined(apart.trunk, w);
    return std::sqrt(dot(g, g));
  };
  for (const AnyMix& mix : {AnyMix(UpGrad{}), AnyMix(CaGrad{}), AnyMix(Mgda{})}) {
    SCOPED_TRACE(mix.type());
    MadeTraining<Listed> paper(listed_settings(made, choice(mix))),
        unit(listed_settings(made, choice(mix, {.length = Composition::unit}))),
        match(listed_settings(made, choice(mix, {.length = Composition::match})));
    paper.step(), unit.step(), match.step();
    EXPECT_NEAR(length(weights_of(unit.report)), 1.0, 1e-5);
    EXPECT_NEAR(length(weights_of(match.report)) / length(Asked{}.own), 1.0, 1e-5);
    // In the direction that the mix has.
    const double share = unit.report.weight[0] / paper.report.weight[0];
    for (int k = 1; k < listed_losses; ++k)
      EXPECT_NEAR(unit.report.weight[k], share * paper.report.weight[k], 1e-5 * share);
  }
}

TEST(Length, OfAScalarizationIsTheSumOfItsWeights) {
  const MadeSource made = listed_source();
  for (const int length : {Composition::unit, Composition::match}) {
    MadeTraining<Listed> run(listed_settings(made, choice(LogSum{}, {.length = length})));
    run.step();
    double sum = 0.0;
    for (int k = 0; k < listed_losses; ++k) sum += run.report.weight[k];
    EXPECT_NEAR(sum, 4.0, 1e-6);
    EXPECT_NEAR(run.report.weight[1] / run.report.weight[0],
                0.5 * run.report.value[0] / run.report.value[1], 1e-5);
  }
}

TEST(Smoothing, IsAMeanWithTheWeightsBefore) {
  const MadeSource made = listed_source();
  MadeTraining<Listed> run(free_of_penalty(made, choice(UpGrad{}, {.smoothing = 0.75})));
  Asked first, second;
  first.gramian = Apart(made).gramian();
  run.step();
  expect_weights(run.report, first.weights(UpGrad{}));
  const Numbers before = weights_of(run.report);
  second.gramian = Apart(made, &run).gramian();
  run.step();
  Numbers expected = second.weights(UpGrad{});
  for (std::size_t k = 0; k < 4; ++k) expected[k] = 0.75 * before[k] + 0.25 * expected[k];
  expect_weights(run.report, expected);
}

// Weights are made in updates 0, 3, 6; in between the step is with them, as if the losses' gradients
// had been apart: heads times one, or for mixes that weigh them times the weights.
template <class M>
void expect_kept(const M& mix, Composition with = {}) {
  SCOPED_TRACE(M::type);
  const MadeSource made = listed_source();
  with.refresh = 3;
  MadeTraining<Listed> run(free_of_penalty(made, choice(mix, with)));
  for (int t = 0; t < 7; ++t) {
    const Apart apart(made, &run);
    const Numbers trunk = momentum(run, "all", "trunk."), heads = momentum(run, "all", "heads.");
    const Numbers last = weights_of(run.report);
    run.step();
    if (t % 3 == 0) {
      EXPECT_NE(weights_of(run.report), last) << t;
    } else {
      EXPECT_EQ(weights_of(run.report), last) << t;
    }
    expect_close(last_gradient(run, trunk, "trunk."), combined(apart.trunk, weights_of(run.report)),
                 2e-5);
    const Numbers in_heads = weighs_heads<M>() ? weights_of(run.report) : Numbers(4, 1.0);
    expect_close(last_gradient(run, heads, "heads."), combined(apart.heads, in_heads), 2e-5);
  }
}
TEST(Refresh, KeepsWeightsInBetween) {
  expect_kept(UpGrad{});
  expect_kept(PcGrad{});
}
TEST(Refresh, MixesThatWeighHeadsWeighTheTrunkOnce) { expect_kept(GradNorm{.rate = 0.3}); }

TEST(Refresh, WhatAMixKeepsRestsInBetween) {
  const MadeSource made = listed_source();
  MadeTraining<Listed> run(listed_settings(made, choice(GradNorm{.rate = 0.3}, {.refresh = 3})));
  Numbers kept;
  for (int t = 0; t < 7; ++t) {
    run.step();
    const Numbers now = run.state("mix.all.weight");
    EXPECT_EQ(now == kept, t % 3 != 0) << t;
    kept = now;
  }
}

TEST(Refresh, UnderTheLogMapTheTrunkIsWeighedOnce) {
  const MadeSource made = listed_source();
  MadeTraining<Listed> run(free_of_penalty(
      made, choice(UpGrad{}, {.map = Composition::logarithm, .refresh = 3, .values = 1})));
  run.step();
  const Apart apart(made, &run);
  const Numbers trunk = momentum(run, "all", "trunk."), heads = momentum(run, "all", "heads.");
  const Numbers kept = weights_of(run.report);
  run.step();
  EXPECT_EQ(weights_of(run.report), kept);
  expect_close(last_gradient(run, trunk, "trunk."), combined(apart.trunk, kept), 2e-5);
  Numbers slope;
  for (const double value : apart.values) slope.push_back(1.0 / value);
  expect_close(last_gradient(run, heads, "heads."), combined(apart.heads, slope), 2e-5);
}

// The inner products of the losses' gradients at the trunk's output. All heads begin with the mean
// over the pixels, so that a record's gradient there is the same at each pixel: that by the bias of
// the trunk's last layer over the number of pixels.
Numbers gramian_at_output(const MadeSource& made, const MadeTraining<Listed>* at) {
  Numbers sum(16);
  for (std::size_t r = 0; r < listed_records; ++r) {
    MadeSource one(1, Listed::input, Listed::targets);
    const auto pixels = static_cast<std::ptrdiff_t>(Listed::input.elements());
    const auto from = made.pictures.begin() + static_cast<std::ptrdiff_t>(r) * pixels;
    one.pictures.assign(from, from + pixels);
    for (std::size_t t = 0; t < one.targets.size(); ++t) {
      one.targets[t].labels = {made.targets[t].labels[r]};
      for (std::size_t i = 0; i < one.targets[t].values.size(); ++i)
        one.targets[t].values[i] = made.targets[t].values[2 * r + i];
    }
    const Apart apart(one, at);
    for (std::size_t i = 0; i < 16; ++i)
      sum[i] += dot(apart.trunk_bias[i / 4], apart.trunk_bias[i % 4]) / 36.0 /
                (listed_records * listed_records);
  }
  return sum;
}

TEST(AtOutput, WeightsOfTheNextStepAreFromTheGramianThere) {
  const MadeSource made = listed_source();
  const Composition with{.length = Composition::unit, .gradients = Composition::output};
  MadeTraining<Listed> run(free_of_penalty(made, choice(UpGrad{}, with)));
  for (int t = 0; t < 2; ++t) {
    Asked asked;
    asked.gramian = gramian_at_output(made, t == 0 ? nullptr : &run);
    const Apart apart(made, &run);
    const Numbers trunk = momentum(run, "all", "trunk.");
    run.step();
    if (t == 0) {
      EXPECT_EQ(weights_of(run.report), asked.own);
    }
    expect_close(last_gradient(run, trunk, "trunk."), combined(apart.trunk, weights_of(run.report)),
                 2e-5);
    Numbers next = asked.weights(UpGrad{});
    double square = 0.0;
    for (std::size_t i = 0; i < 16; ++i) square += next[i / 4] * next[i % 4] * asked.gramian[i];
    const Numbers kept = run.state("mix.all.last_weight");
    for (std::size_t k = 0; k < 4; ++k)
      EXPECT_NEAR(kept[k], next[k] / std::sqrt(square), 1e-4 * kept[k]) << k;
  }
}

TEST(AtOutput, TheGramianIsOfTheLossesWithoutWeightsOfHeads) {
  const MadeSource made = listed_source();
  const Composition with{.gradients = Composition::output};
  MadeTraining<Listed> run(free_of_penalty(made, choice(GradNorm{.rate = 0.3}, with)));
  Asked asked;
  asked.gramian = gramian_at_output(made, nullptr);
  run.step();
  asked.values = {run.report.value.begin(), run.report.value.begin() + 4};
  AnyMix(GradNorm{.rate = 0.3}).update(asked.step(AnyMix(GradNorm{})));
  const Numbers found = run.state("mix.all.first_moment");
  for (std::size_t k = 0; k < 4; ++k)
    EXPECT_NEAR(found[k], asked.state[1][k], 1e-4 * std::fabs(asked.state[1][k])) << k;
}

TEST(AtOutput, TheFirstStepUnderTheLogMapHasTheBatchsValues) {
  const MadeSource made = listed_source();
  const Apart apart(made);
  MadeTraining<Listed> run(free_of_penalty(
      made, choice(UpGrad{}, {.map = Composition::logarithm, .gradients = Composition::output})));
  run.step();
  Numbers slope;
  for (const double value : apart.values) slope.push_back(1.0 / value);
  expect_close(momentum(run, "all", "heads."), combined(apart.heads, slope));
  expect_close(momentum(run, "all", "trunk."), combined(apart.trunk, weights_of(run.report)));
}

TEST(AtOutput, ALossWithoutLabelsHasNoWeight) {
  MadeSource made = listed_source();
  made.targets[2].values.assign(2 * listed_records, NAN);
  MadeTraining<Listed> run(
      listed_settings(made, choice(UpGrad{}, {.gradients = Composition::output})));
  for (int t = 0; t < 3; ++t) {
    run.step();
    EXPECT_EQ(run.report.weight[2], 0.0);
    EXPECT_GT(run.report.weight[0], 0.0);
  }
}

TEST(Values, AreTheLastOrThoseOfTheBatch) {
  const MadeSource made = listed_source();
  Settings settings = listed_settings(made, choice(LogSum{}));
  settings.batch_size = 7;
  MadeTraining<Listed> last(settings);
  settings.mix[0].with.values = Composition::batch;
  MadeTraining<Listed> batch(settings);
  const Numbers own = Asked{}.own;
  std::array<double, max_terms> before{};
  for (int t = 0; t < 4; ++t) {
    last.step(), batch.step();
    for (int k = 0; k < listed_losses; ++k) {
      const double a = own[static_cast<std::size_t>(k)];
      EXPECT_NEAR(batch.report.weight[k], a / batch.report.value[k], 1e-5) << t;
      // In the first step no others are known.
      EXPECT_NEAR(last.report.weight[k], a / (t == 0 ? last.report.value : before)[k], 1e-5) << t;
    }
    before = last.report.value;
  }
}

TEST(Values, OfOneGroupAreNoMatterOfAnothers) {
  const MadeSource made = listed_source();
  Settings settings = listed_settings(made, choice(LogSum{}), 1);
  settings.batch_size = 7;
  MadeTraining<Listed> both(settings);
  settings.mix[0].with.values = Composition::batch;
  MadeTraining<Listed> one(settings);
  both.step(2), one.step();
  const std::array<double, max_terms> before = one.report.value;
  one.step();
  for (const int k : {2, 3})
    EXPECT_NEAR(one.report.weight[k], (k == 2 ? 1.5 : 1.0) / before[k], 1e-5) << k;
}

}  // namespace
}  // namespace medley::testing
