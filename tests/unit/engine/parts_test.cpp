// Parts of a network: what is frozen stays as it is, to the bit, and costs no backward pass; what is
// not takes the steps that it would take anyhow. (Against a twin in double precision: whole_step_test.)
#include <atomic>
#include <cmath>
#include <map>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/mgda.hpp"
#include "medley/mixes/probe.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "tests/training_harness.hpp"

namespace medley::testing {
namespace {

// A layer that counts its backward passes, and those that were asked for the gradient of its input.
template <class Layer>
struct Watched : Layer {
  static constexpr bool is_activation = false, is_relu = false;
  inline static std::atomic<int> passes = 0, asked = 0;
  template <class Io>
  static void backward(const Io& io) {
    ++passes;
    if (io.asks_x()) ++asked;
    Layer::backward(io);
  }
  static void reset() { passes = asked = 0; }
};
using InTrunk = Watched<Relu>;
using FirstOfHead = Watched<Dense<64>>;

struct Sliced {
  static constexpr std::string_view name = "sliced";
  static constexpr Shape input{2, 6, 6};
  static constexpr auto targets = std::to_array<TargetSpec>(
      {{"kind", TargetKind::classes, 3}, {"side", TargetKind::classes, 2}});
  using Trunk = Sequence<Conv<16>, GhostBatchNorm, InTrunk,
                         Residual<Sequence<Conv<16>, GroupNorm<4>>, Conv<16, 1>>, Relu>;
  using Heads = std::tuple<Head<"kind", FirstOfHead, Relu, Dense<3>>,  // 64 x 576: factored
                           Head<"side", GlobalAveragePool, Dense<1>>>;
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{}, 1.0), term<"side">(BinaryCrossEntropy{}, 0.5),
                 penalty<"decay">(L2Penalty{}, 1e-2)};
  static constexpr auto mix = any_of(WeightedSum{}, Mgda{}, Probe{});
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.1, .momentum = 0.9});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2, .slots = 4};
};
using D = Definition<Sliced>;
static_assert(D::Net::factored_floats > 0);

using Names = std::vector<std::string>;

// Eleven records, as one batch: six shards in four slots.
class PartsTest : public ::testing::Test {
 protected:
  PartsTest() { settings.threads = 2; }

  // Freezes the parameters whose names begin with one of these, for so many epochs.
  void freeze(const Names& names, std::uint32_t epochs = all_epochs) {
    const Description description = describe<Sliced>();
    frozen.assign(D::Net::parameter_count, 0);
    for (std::size_t k = 0; k < frozen.size(); ++k) {
      if (is_of(description.tensors[k].name, names)) frozen[k] = epochs;
    }
    settings.frozen_epochs = frozen;
  }
  static bool is_of(const std::string& name, const Names& starts) {
    return std::ranges::any_of(starts, [&](const std::string& s) { return name.starts_with(s); });
  }
  // Of a tensor's name, that of the parameter: "optimizer.all.momentum.trunk.0.weight".
  static std::string parameter_of(const std::string& name) {
    constexpr std::string_view start = "optimizer.all.momentum.";
    return name.starts_with(start) ? name.substr(start.size()) : name;
  }

  const std::array<AnyMix, 3> mixes{WeightedSum{}, Mgda{}, Probe{}};
  MadeSource source{11, Sliced::input, Sliced::targets};
  Settings settings = settings_for<Sliced>(source);
  std::vector<std::uint32_t> frozen;
};

TEST_F(PartsTest, WhatIsFrozenStaysAndNothingElse) {
  const std::vector<Names> parts{
      {"trunk"},          {"trunk.0"},      {"trunk.1."},
      {"trunk.3.main.0"}, {"heads.kind"},   {"trunk", "heads.side.1.bias"},
      {"heads.kind.0"},   {"trunk.1.bias"}, {"trunk.0", "trunk.1", "trunk.3.main"}};
  for (const AnyMix& mix : mixes) {
    for (const Names& part : parts) {
      SCOPED_TRACE(part[0] + " under " + std::string(mix.type()));
      settings.mix[0].mix = mix;
      freeze(part);
      MadeTraining<Sliced> training(settings);
      std::map<std::string, std::vector<float>> before;
      for (const std::string& name : training.tensor_names()) before[name] = training.tensor(name);
      training.step(3);
      ASSERT_FALSE(training.report.diverged);
      for (const auto& [name, values] : before)
        EXPECT_EQ(training.tensor(name) == values, is_of(parameter_of(name), part)) << name;
    }
  }
}

// The gradient of what learns is the one that it has where all learns, to the bit. (Running statistics
// are not among what is frozen here: values hang on them.)
TEST_F(PartsTest, OthersTakeTheirUsualStep) {
  const std::vector<Names> parts{{"trunk.0", "trunk.1.weight", "trunk.1.bias"},
                                 {"trunk.3"},
                                 {"trunk.3.main"},
                                 {"trunk.0.weight"},
                                 {"heads.kind"},
                                 {"heads.kind.0.weight", "heads.side"}};
  for (const auto gradients : {Composition::trunk, Composition::output}) {
    settings.mix[0].mix = gradients == Composition::trunk ? mixes[0] : mixes[1];
    settings.mix[0].with.gradients = gradients;
    settings.frozen_epochs = {};
    MadeTraining<Sliced> free(settings);
    free.step();
    for (const Names& part : parts) {
      SCOPED_TRACE(part[0] + " under " + std::string(settings.mix[0].mix.type()));
      freeze(part);
      MadeTraining<Sliced> training(settings);
      training.step();
      EXPECT_EQ(training.report.value, free.report.value);
      for (const std::string& name : training.tensor_names()) {
        if (is_of(parameter_of(name), part)) continue;
        EXPECT_EQ(training.tensor(name), free.tensor(name)) << name;
      }
    }
  }
}

// Backward ends where nothing before it learns: none of the trunk's layers, and no head's first one
// for its input; and no gradient is written there, nor does it matter what lies there.
TEST_F(PartsTest, WhatIsFrozenCostsNoBackwardPass) {
  const auto count = [&](MadeTraining<Sliced>& training) {
    InTrunk::reset();
    FirstOfHead::reset();
    training.step();
    return std::array{InTrunk::passes.load(), FirstOfHead::passes.load(),
                      FirstOfHead::asked.load()};
  };
  constexpr int shards = 6;
  for (const AnyMix& mix : mixes) {
    SCOPED_TRACE(mix.type());
    settings.mix[0].mix = mix;
    const int losses = mix.needs().gramian ? 2 : 1;
    settings.frozen_epochs = {};
    MadeTraining<Sliced> free(settings);
    EXPECT_EQ(count(free), (std::array{losses * shards, shards, shards}));
    freeze({"trunk.0", "trunk.1."});
    MadeTraining<Sliced> tail(settings);
    EXPECT_EQ(count(tail), (std::array{0, shards, shards}));
    freeze({"heads.kind"});
    MadeTraining<Sliced> head(settings);
    EXPECT_EQ(count(head), (std::array{losses * shards, shards, shards}));
    freeze({"trunk", "heads.kind"});
    MadeTraining<Sliced> side(settings);
    EXPECT_EQ(count(side), (std::array{0, 0, 0}));

    freeze({"trunk"});
    MadeTraining<Sliced> clean(settings), dirty(settings);
    float* const gradients = dirty.arena() + D::map.gradients;
    std::fill(gradients, dirty.arena() + D::map.workers, NAN);
    EXPECT_EQ(count(dirty), (std::array{0, shards, 0}));
    clean.step();
    ASSERT_FALSE(dirty.report.diverged);
    expect_same_tensors(clean, dirty);
    EXPECT_EQ(clean.report.gradient_norm, dirty.report.gradient_norm);
    for (int d = 0; d < D::directions; ++d) {
      const float* first = gradients + D::gradient_places.gradients[d][0];
      EXPECT_TRUE(std::all_of(first, first + D::gradient_floats(d, 0),
                              [](float x) { return std::isnan(x); }));
    }
  }
}

// Heads take theirs as they do beside a trunk: times one, or of mixes that weigh heads times the
// losses' own weights. What a mix keeps rests, and it begins when the trunk thaws.
TEST_F(PartsTest, AMixOfGradientsRestsWhileTheTrunkIsFrozen) {
  settings.weight = {0.5, 2.0, 1e-2};
  freeze({"trunk"}, 1);
  for (const AnyMix& mix : {mixes[1], mixes[2]}) {
    SCOPED_TRACE(mix.type());
    const bool own = mix.weighs_heads();
    settings.mix[0].mix = mix;
    MadeTraining<Sliced> training(settings);
    Settings summed = settings;
    summed.mix[0].mix = mixes[0];
    if (!own) summed.weight[0] = summed.weight[1] = 1.0;
    MadeTraining<Sliced> sum(summed);
    training.step();
    sum.step();
    expect_same_tensors(training, sum);
    EXPECT_EQ(training.report.weight[0], own ? 0.5 : 1.0);
    EXPECT_EQ(training.report.total, sum.report.total);
    for (const StateInfo& state : mix_states(training.description())) {
      if (state.name.ends_with(".last_weight") || state.name.ends_with(".last_value") ||
          state.name.ends_with(".presence"))
        continue;
      for (const double x : training.state(state.name)) EXPECT_EQ(x, 0.0) << state.name;
    }
    EXPECT_EQ(training.state("mix.all.last_weight"), (std::vector{0.5, 2.0}));
    EXPECT_EQ(training.position.epoch, 1u);
    const auto before = training.tensor("trunk.0.weight");
    training.step();
    EXPECT_FALSE(training.report.diverged);
    EXPECT_TRUE(training.report.has_gradients);
    EXPECT_NE(training.tensor("trunk.0.weight"), before);
  }
}

TEST_F(PartsTest, OfAFrozenTrunkNothingIsMeasured) {
  freeze({"trunk"});
  MadeTraining<Sliced> training(settings);
  const GradientReport gradients = training.gradients();
  EXPECT_TRUE(std::isnan(gradients.norm[0]) && std::isnan(gradients.cosine[0][1]));
  std::vector<float> memory(training.engine().diagnosis_floats());
  training.engine().keep_parameters(memory);
  const Position before = training.position;
  training.step();
  Diagnosis diagnosis;
  training.engine().diagnose(before, memory, training.report, 0.1, diagnosis);
  EXPECT_TRUE(std::isnan(diagnosis.product[0][0]) && std::isnan(diagnosis.ahead[0][1]));
  // To first order: of heads there is something to tell.
  EXPECT_LT(diagnosis.predicted[0], 0.0);
  EXPECT_LT(diagnosis.real[0], 0.0);

  // Of a trunk that learns in part, over that part.
  freeze({"trunk.0", "trunk.1"});
  MadeTraining<Sliced> tail(settings);
  const GradientReport of_tail = tail.gradients();
  EXPECT_GT(of_tail.norm[0], 0.0);
  EXPECT_GT(of_tail.norm[2], 0.0);
  settings.frozen_epochs = {};
  MadeTraining<Sliced> free(settings);
  EXPECT_LT(of_tail.norm[2], free.gradients().norm[2]);
}

TEST_F(PartsTest, PenaltiesCountAllWeightsAndNormsWhatLearns) {
  MadeTraining<Sliced> free(settings);
  free.step();
  freeze({"trunk"});
  MadeTraining<Sliced> training(settings);
  training.step();
  EXPECT_EQ(training.report.value[2], free.report.value[2]);
  EXPECT_LT(training.report.gradient_norm[0], free.report.gradient_norm[0]);
}

// A part's rate is the group's times its factor: as in a training with that rate.
TEST_F(PartsTest, RatesOfPartsAreThoseOfTheGroupTimesAFactor) {
  Settings fast = settings;
  fast.learning_rate[0] *= 0.25;
  MadeTraining<Sliced> all(settings), quarter(fast);
  const std::vector<float> first = all.tensor("heads.side.1.weight");
  std::vector<double> scale(D::Net::parameter_count, 1.0);
  for (std::size_t k = 0; k < scale.size(); ++k) {
    const std::string& name = all.description().tensors[k].name;
    scale[k] = name.starts_with("trunk.3") ? 0.25 : name.starts_with("heads.side") ? 0.0 : 1.0;
  }
  settings.rate_scale = scale;
  MadeTraining<Sliced> training(settings);
  for (auto* run : {&all, &quarter, &training}) run->step();
  for (const std::string& name : training.tensor_names()) {
    if (name.starts_with("optimizer")) {
      EXPECT_EQ(training.tensor(name), all.tensor(name)) << name;
    } else if (name.starts_with("heads.side")) {
      EXPECT_EQ(training.tensor("heads.side.1.weight"), first);
    } else {
      EXPECT_EQ(training.tensor(name), (name.starts_with("trunk.3") ? quarter : all).tensor(name))
          << name;
    }
  }
}

}  // namespace
}  // namespace medley::testing
