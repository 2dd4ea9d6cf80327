// Mixes at work: gradients of single losses, taken from trainings with that loss alone, against what
// the engine makes of them together; and weights that change with training.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <deque>
#include <numeric>
#include <string>
#include <vector>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/pcgrad.hpp"
#include "medley/mixes/uncertainty.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "training_harness.hpp"

namespace medley::testing {
namespace {

// Momentum of the first step is the gradient itself.
constexpr Sgd sgd{.learning_rate = 0.05, .momentum = 0.9};

// Two losses on the head `place`; a penalty.
struct Plain {
  static constexpr std::string_view name = "plain";
  static constexpr Shape input{2, 6, 6};
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 3},
                                                             {"side", TargetKind::classes, 2},
                                                             {"place", TargetKind::values, 2},
                                                             {"other", TargetKind::values, 2}});
  using Trunk = Sequence<Conv<4>, GhostBatchNorm, Relu>;
  using Heads =
      std::tuple<Head<"kind", Conv<5>, GhostBatchNorm, Relu, GlobalAveragePool, Dense<3>>,
                 Head<"side", GlobalAveragePool, Dense<1>>, Head<"place", Flatten, Dense<2>>>;
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{}, 1.0), term<"side">(BinaryCrossEntropy{}, 0.5),
                 term<"place">(MeanSquaredError{}, 1.5),
                 term<"other", "place", "other">(MeanSquaredError{}, 1.0),
                 penalty<"decay">(L2Penalty{}, 1e-2)};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(sgd);
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2, .slots = 4};
};
// Factored gradients in the trunk and in the head with two losses; six shards, in three ranges.
struct PlainWide : Plain {
  using Trunk = Sequence<Conv<16>, Dense<20>, Relu>;
  using Heads = std::tuple<Head<"kind", Dense<3>>, Head<"side", Dense<1>>, Head<"place", Dense<2>>>;
  static constexpr Memory memory{.shard = 2, .slots = 2};
};
struct PlainWideHeads : Plain {
  using Trunk = Sequence<Conv<16>>;
  using Heads = std::tuple<Head<"kind", Dense<20>, Relu, Dense<3>>, Head<"side", Dense<1>>,
                           Head<"place", Dense<20>, Tanh, Dense<2>>>;
  static constexpr Memory memory{.shard = 2, .slots = 2};
};
template <class Experiment>
struct Surgery : Experiment {
  static constexpr PcGrad mix{};
};
// All mixes and step modes of these tests in one engine, which compiles in a fraction of the time of one for each.
enum Mode { together, beside, in_turn };
template <class Experiment>
struct Listed : Experiment {
  static constexpr auto mix = any_of(WeightedSum{}, PcGrad{}, Uncertainty{.rate = 2.0});
  static constexpr auto steps =
      any_of(joint(sgd),
             simultaneous(group<"a", "kind", "place", "decay">(sgd).mixed_by(PcGrad{}),
                          group<"b", "side", "other">(sgd)),
             alternating(group<"c", "kind", "place", "other">(sgd).mixed_by(PcGrad{}),
                         group<"d", "side", "decay">(sgd)));
};
static_assert(Definition<PlainWide>::factored_floats(0) > 0);
static_assert(Definition<PlainWideHeads>::factored_floats(3) > 0);

constexpr int losses = 4;

MadeSource source() {
  MadeSource made(11, Plain::input, Plain::targets);
  for (std::size_t i = 0; i < 22; ++i) {
    made.targets[2].values[i] = static_cast<float>(i % 5) - 2.0f;
    made.targets[3].values[i] = 2.0f - static_cast<float>(i % 5) + 0.1f * static_cast<float>(i % 3);
  }
  return made;
}

template <class Experiment = Plain>
Settings listed(const MadeSource& made, const AnyMix& mix) {
  Settings settings = settings_for<Listed<Experiment>>(made);
  settings.mix[0].mix = mix;
  return settings;
}

// The gradient of one loss in the first step, over all parameters of a part that begin so.
template <class Experiment>
std::vector<double> gradient(const MadeTraining<Experiment>& training, const std::string& group,
                             const std::string& start) {
  std::vector<double> all;
  const std::string prefix = "optimizer." + group + ".momentum." + start;
  for (const std::string& name : training.tensor_names()) {
    if (!name.starts_with(prefix)) continue;
    for (const float g : training.tensor(name)) all.push_back(static_cast<double>(g));
  }
  EXPECT_FALSE(all.empty()) << prefix;
  return all;
}
// Each term alone.
template <class Experiment>
struct Alone {
  std::deque<MadeTraining<Listed<Experiment>>> terms;
  std::vector<std::vector<double>> trunk;

  explicit Alone(const MadeSource& made) {
    for (int k = 0; k <= losses; ++k) {
      Settings settings = listed<Experiment>(made, WeightedSum{});
      settings.weight.fill(0.0);
      settings.weight[k] = k == losses ? 1e-2 : 1.0;
      terms.emplace_back(settings).step();
      trunk.push_back(gradient(terms.back(), "all", "trunk."));
    }
  }
  // What surgery answers for these losses of a group, in double precision.
  std::vector<double> surgery(std::vector<int> of, const Settings& settings, int group) const {
    std::vector<double> products, own, preference, weight(of.size());
    std::array<bool, losses> present{true, true, true, true};
    for (const int a : of) {
      own.push_back(settings.weight[a]);
      for (const int b : of) {
        double sum = 0;
        for (std::size_t i = 0; i < trunk[a].size(); ++i) sum += trunk[a][i] * trunk[b][i];
        products.push_back(sum);
      }
    }
    MixStep step;
    step.own = own;
    for (const double w : own)
      preference.push_back(w / std::accumulate(own.begin(), own.end(), 0.0));
    step.preference = preference;
    step.present = std::span<const bool>(present).first(of.size());
    step.gramian = {products.data(), of.size()};
    step.random = RandomStream(settings.seed, Purpose::mix, static_cast<std::uint32_t>(group), 0);
    PcGrad{}.weights(step, weight);
    return weight;
  }
  std::vector<double> combined(const std::vector<std::pair<int, double>>& parts,
                               const std::string& start) const {
    std::vector<double> sum;
    for (const auto& [term, weight] : parts) {
      const std::vector<double> g = gradient(terms[term], "all", start);
      sum.resize(g.size());
      for (std::size_t i = 0; i < g.size(); ++i) sum[i] += weight * g[i];
    }
    return sum;
  }
};

void expect_close(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 0;
  for (const double x : expected) largest = std::max(largest, std::fabs(x));
  ASSERT_GT(largest, 0);
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], 1e-5 * largest) << "element " << i;
  }
}

template <class Experiment>
void expect_surgery() {
  const MadeSource made = source();
  const Settings settings = settings_for<Experiment>(made);
  const Alone<Experiment> alone(made);
  MadeTraining<Listed<Experiment>> run(listed<Experiment>(made, PcGrad{}));
  const GradientReport measured = run.gradients();
  run.step();

  const std::vector<double> weight = alone.surgery({0, 1, 2, 3}, settings, 0);
  bool conflict = false;
  std::vector<std::pair<int, double>> parts;
  for (int k = 0; k < losses; ++k) {
    EXPECT_NEAR(run.report.weight[k], weight[k], 1e-4) << k;
    conflict |= std::fabs(weight[k] - settings.weight[k]) > 1e-2;
    parts.emplace_back(k, run.report.weight[k]);
  }
  EXPECT_TRUE(conflict);
  EXPECT_EQ(run.report.weight[losses], static_cast<double>(1e-2f));
  parts.emplace_back(losses, 1.0);
  expect_close(gradient(run, "all", "trunk."), alone.combined(parts, "trunk."));
  // Heads take their own losses' gradients, times one.
  for (auto& [term, w] : parts) w = 1.0;
  expect_close(gradient(run, "all", "heads."), alone.combined(parts, "heads."));

  for (int a = 0; a < losses; ++a) {
    for (int b = 0; b < losses; ++b) {
      double products[3] = {};
      for (std::size_t i = 0; i < alone.trunk[a].size(); ++i) {
        products[0] += alone.trunk[a][i] * alone.trunk[b][i];
        products[1] += alone.trunk[a][i] * alone.trunk[a][i];
        products[2] += alone.trunk[b][i] * alone.trunk[b][i];
      }
      EXPECT_NEAR(measured.norm[a], std::sqrt(products[1]), 1e-5 * measured.norm[a]);
      EXPECT_NEAR(measured.cosine[a][b], products[0] / std::sqrt(products[1] * products[2]), 1e-5);
    }
  }
}

TEST(Combined, GradientsAreThoseOfTheLossesAlone) { expect_surgery<Plain>(); }
TEST(Combined, FactoredGradientsOfTheTrunk) { expect_surgery<PlainWide>(); }
TEST(Combined, FactoredGradientsOfHeads) { expect_surgery<PlainWideHeads>(); }

TEST(Combined, MeasuredGradientsAreTheSameBitsWithAndWithoutDirections) {
  const MadeSource made = source();
  MadeTraining<Plain> plain(settings_for<Plain>(made));
  MadeTraining<Listed<Plain>> surgery(listed(made, PcGrad{}));
  const GradientReport a = plain.gradients(), b = surgery.gradients();
  EXPECT_EQ(a.norm, b.norm);
  EXPECT_EQ(a.cosine, b.cosine);
}

TEST(Combined, StatisticsAreThoseOfTheOneForwardPass) {
  const MadeSource made = source();
  MadeTraining<Plain> plain(settings_for<Plain>(made));
  MadeTraining<Listed<Plain>> surgery(listed(made, PcGrad{}));
  plain.step(), surgery.step();
  for (const char* name : {"trunk.1.running_mean", "trunk.1.running_var",
                           "heads.kind.1.running_mean", "heads.kind.1.running_var"}) {
    EXPECT_EQ(plain.tensor(name), surgery.tensor(name)) << name;
  }
}

TEST(Combined, BesideAGroupWithAWeightedSum) {
  const MadeSource made = source();
  const Settings settings = settings_for<Listed<Plain>>(made, beside);
  const Alone<Plain> alone(made);
  MadeTraining<Listed<Plain>> run(settings);
  run.step();
  const std::vector<double> weight = alone.surgery({0, 2}, settings, 0);
  EXPECT_NEAR(run.report.weight[0], weight[0], 1e-4);
  EXPECT_NEAR(run.report.weight[2], weight[1], 1e-4);
  EXPECT_EQ(run.report.weight[1], 0.5);
  expect_close(gradient(run, "a", "trunk."),
               alone.combined({{0, weight[0]}, {2, weight[1]}, {losses, 1.0}}, "trunk."));
  expect_close(gradient(run, "a", "heads.kind."),
               alone.combined({{0, 1.0}, {losses, 1.0}}, "heads.kind."));
  // Which only the penalty of the group reaches.
  expect_close(gradient(run, "a", "heads.side."), alone.combined({{losses, 1.0}}, "heads.side."));
  expect_close(gradient(run, "b", "trunk."), alone.combined({{1, 0.5}, {3, 1.0}}, "trunk."));
}

TEST(Combined, InTurn) {
  const MadeSource made = source();
  const Settings settings = settings_for<Listed<Plain>>(made, in_turn);
  const Alone<Plain> alone(made);
  MadeTraining<Listed<Plain>> run(settings);
  run.step();
  const std::vector<double> weight = alone.surgery({0, 2, 3}, settings, 0);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(run.report.weight[i + (i > 0)], weight[i], 1e-4);
  expect_close(gradient(run, "c", "trunk."),
               alone.combined({{0, weight[0]}, {2, weight[1]}, {3, weight[2]}}, "trunk."));
  EXPECT_EQ(run.report.weight[1], 0.5);
}

TEST(Combined, IsClippedAfterwards) {
  const MadeSource made = source();
  Settings settings = listed(made, PcGrad{});
  MadeTraining<Listed<Plain>> free(settings);
  free.step();
  settings.clip_norm = 0.25 * free.report.gradient_norm[0];
  MadeTraining<Listed<Plain>> clipped(settings);
  clipped.step();
  EXPECT_EQ(clipped.report.gradient_norm[0], free.report.gradient_norm[0]);
  std::vector<double> quarter = gradient(free, "all", "");
  double square = 0;
  for (double& g : quarter) square += g * g, g *= 0.25;
  EXPECT_NEAR(std::sqrt(square), free.report.gradient_norm[0], 1e-5 * std::sqrt(square));
  expect_close(gradient(clipped, "all", ""), quarter);
}

TEST(Combined, LossesWithoutLabelsTakeNoPart) {
  MadeSource made = source();
  made.targets[2].values.assign(22, NAN);
  const Alone<Plain> alone(made);
  MadeTraining<Listed<Plain>> run(listed(made, PcGrad{}));
  run.step();
  EXPECT_FALSE(run.report.measured[2]);
  EXPECT_EQ(run.report.weight[2], 0.0);
  const std::vector<double> trunk = gradient(run, "all", "trunk.");
  expect_close(trunk, alone.combined({{0, run.report.weight[0]},
                                      {1, run.report.weight[1]},
                                      {3, run.report.weight[3]},
                                      {losses, 1.0}},
                                     "trunk."));
}

template <class Experiment>
void expect_same_bits_with_any_threads(Settings settings) {
  settings.batch_size = 5;
  settings.threads = 1;
  MadeTraining<Experiment> one(settings);
  settings.threads = 3;
  MadeTraining<Experiment> three(settings);
  one.step(5), three.step(5);
  expect_same_tensors(one, three);
  EXPECT_EQ(one.report.weight, three.report.weight);
}
TEST(Combined, ThreadsDoNotChangeABit) {
  const MadeSource made = source();
  expect_same_bits_with_any_threads<Listed<PlainWide>>(listed<PlainWide>(made, PcGrad{}));
  for (const AnyMix& mix : {AnyMix{PcGrad{}}, AnyMix{Uncertainty{.rate = 2.0}}})
    expect_same_bits_with_any_threads<Listed<Plain>>(listed(made, mix));
  for (const Mode mode : {beside, in_turn})
    expect_same_bits_with_any_threads<Listed<Plain>>(settings_for<Listed<Plain>>(made, mode));
}

TEST(Combined, DirectionsCostTrunksAndNotNetworks) {
  using One = Definition<Plain>;
  using Four = Definition<Surgery<Plain>>;
  const auto gradients = [](auto&& map) { return map.factors - map.gradients; };
  // The first direction is also that of all losses together. Three trunks more, each with the head
  // of its loss: side, and twice the one that two losses are on.
  const std::size_t more = 3 * One::slot_floats(0) + One::slot_floats(2) + 2 * One::slot_floats(3);
  EXPECT_EQ(gradients(Four::map), gradients(One::map) + One::slots * more);
  EXPECT_EQ(Four::map.workers, Four::map.term_gradients);  // measured in their directions
  EXPECT_GT(One::map.workers, One::map.term_gradients);
}

TEST(Trained, WeightsFollowATwinInDoublePrecision) {
  const MadeSource made = source();
  const Settings settings = listed(made, Uncertainty{.rate = 2.0});
  MadeTraining<Listed<Plain>> run(settings);
  const std::array<double, losses> h{1.0, 1.0, 0.5, 0.5};
  std::array<double, losses> s{}, m{}, v{};
  for (int t = 1; t <= 20; ++t) {
    run.step();
    for (int k = 0; k < losses; ++k) {
      const double precision = h[k] * std::exp(-s[k]);
      ASSERT_NEAR(run.report.weight[k] / (settings.weight[k] * precision), 1.0, 1e-6) << t;
      const double g = 0.5 - precision * run.report.value[k];
      m[k] = 0.9 * m[k] + 0.1 * g;
      v[k] = 0.999 * v[k] + 0.001 * g * g;
      s[k] -= 2.0 * settings.learning_rate[0] * m[k] / (1 - std::pow(0.9, t)) /
              (std::sqrt(v[k] / (1 - std::pow(0.999, t))) + 1e-8);
    }
    EXPECT_EQ(run.report.weight[losses], static_cast<double>(1e-2f));
  }
  EXPECT_GT(std::fabs(s[0]), 0.1);
}

TEST(Trained, EvaluationsAreComparedWithTheTermsOwnWeights) {
  const MadeSource made = source();
  MadeTraining<Listed<Plain>> run(listed(made, Uncertainty{.rate = 2.0}));
  run.step(5);
  const Evaluation evaluation = run.evaluate();
  const Settings settings = listed(made, Uncertainty{.rate = 2.0});
  double total = 0;
  for (int k = 0; k <= losses; ++k) {
    EXPECT_EQ(evaluation.weight[k], static_cast<double>(static_cast<float>(settings.weight[k])));
    total += settings.weight[k] * evaluation.value[k];
  }
  EXPECT_NEAR(evaluation.total, total, 1e-6 * total);
  EXPECT_NE(run.report.weight[0], evaluation.weight[0]);
}

struct TrainedApart : Plain {
  static constexpr auto steps =
      alternating(group<"a", "kind", "other">(sgd).mixed_by(Uncertainty{}),
                  group<"b", "side", "place", "decay">(sgd));
};
TEST(Trained, StateHasNamesAndPlacesOfItsOwn) {
  const Description d = describe<TrainedApart>();
  std::vector<std::string> names;
  for (const StateInfo& state : mix_states(d)) {
    names.push_back(state.name);
    EXPECT_EQ(state.dims, (std::vector<std::uint64_t>{2}));
    EXPECT_EQ(state.offset * sizeof(float) % sizeof(double), 0u);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"mix.a.log_variance", "mix.a.first_moment",
                                      "mix.a.second_moment", "mix.a.updates", "mix.a.last_weight",
                                      "mix.a.last_value", "mix.a.presence"}));
  EXPECT_EQ(d.groups[0].mix.mix.type(), "uncertainty");
  EXPECT_EQ(d.groups[1].mix.mix.type(), "weighted_sum");
  EXPECT_TRUE(mix_states(describe<Plain>()).empty());
}

TEST(Trained, NumbersOfAGroupsMixAreThoseOfTheSettings) {
  const MadeSource made = source();
  const Settings settings = listed(made, Uncertainty{.rate = 0.0});
  MadeTraining<Listed<Plain>> run(settings);
  run.step(5);
  EXPECT_EQ(run.report.weight[0], 1.0);  // a rate of nothing keeps them
  EXPECT_EQ(run.report.weight[3], 0.5);
}

}  // namespace
}  // namespace medley::testing
