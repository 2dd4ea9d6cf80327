// What a step means: the three modes against each other, missing targets, what groups reach, and
// that no two buffers that are alive at once share memory.
#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/engine/settings_of.hpp"
#include "medley/experiment/describe.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "tests/threaded_trainer.hpp"

namespace medley::testing {
namespace {

struct Tiny {
  static constexpr std::string_view name = "tiny";
  static constexpr Shape input{2, 6, 6};
  static constexpr auto targets = std::to_array<TargetSpec>(
      {{"kind", TargetKind::classes, 3}, {"side", TargetKind::classes, 2}});
  using Trunk = Sequence<Conv<4>, Relu>;
  using Heads =
      std::tuple<Head<"kind", Conv<5>, GhostBatchNorm, Relu, GlobalAveragePool, Dense<3>>,
                 Head<"side", Conv<5>, GhostBatchNorm, Relu, GlobalAveragePool, Dense<1>>>;
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{}, 1.0), term<"side">(BinaryCrossEntropy{}, 0.5),
                 penalty<"decay">(L2Penalty{}, 1e-2)};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.1});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2, .slots = 4};
};
struct TinySimultaneous : Tiny {
  static constexpr auto steps = simultaneous(group<"a", "kind", "decay">(Sgd{.learning_rate = 0.1}),
                                             group<"b", "side">(Sgd{.learning_rate = 0.1}));
};
struct TinyWeighted : Tiny {
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{.class_weights = {1.0, 3.0, 0.5}}, 1.0),
                 term<"side">(BinaryCrossEntropy{}, 0.5)};
};
struct TinyAlternating : Tiny {
  static constexpr auto steps = alternating(
      group<"a", "kind">(Sgd{.learning_rate = 0.1, .momentum = 0.9}),
      group<"b", "side", "decay">(Sgd{.learning_rate = 0.1}).repeated(2).on_next_batch());
};

// All of them in one engine, which compiles in a third of the time.
enum Mode { by_one, by_all_at_once, by_each_in_turn };
struct TinyModes : Tiny {
  static constexpr auto steps =
      any_of(Tiny::steps, TinySimultaneous::steps, TinyAlternating::steps);
};

// Activations behind and in front of everything that computes them along with itself; with Alone
// they run by themselves.
template <class Activation>
struct Alone : Activation {
  static constexpr bool is_activation = false;
};
template <>
struct Alone<Relu> : Relu {
  static constexpr bool is_activation = false, is_relu = false;
};
template <bool Apart>
struct Activated : Tiny {
  template <class A>
  using Is = std::conditional_t<Apart, Alone<A>, A>;
  using Trunk = Sequence<Conv<20>, Is<Relu>, MaxPool<3, 1, 1>, Conv<20>, GhostBatchNorm, Is<Relu>,
                         Residual<Conv<20>>, Is<LeakyRelu<4>>,
                         Residual<Sequence<Conv<20>, GroupNorm<4>>, Conv<20, 1>>, Is<Tanh>, Conv<6>,
                         GroupNorm<2>, Is<Relu>>;
  static constexpr auto steps = any_of(Tiny::steps, TinySimultaneous::steps);
};
// Gradients of the heads' first layers are products of what shards leave: with eight slots a batch
// of eleven is done at once, with four in two ranges.
template <int Slots>
struct Wide : TinySimultaneous {
  using Trunk = Sequence<Conv<16>>;
  using Heads =
      std::tuple<Head<"kind", Dense<20>, Relu, Dense<3>>, Head<"side", Dense<20>, Relu, Dense<1>>>;
  static constexpr Memory memory{.shard = 2, .slots = Slots};
};
static_assert(Definition<Wide<8>>::Net::factored_floats > 0);

// Eleven noisy pictures; labels may be taken away.
class TinySource final : public Source {
 public:
  TinySource() {
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
      const auto bits = RandomStream(5, Purpose::generator, 0, i).draw(0);
      pictures_[i] = static_cast<std::uint8_t>(bits[0] >> 24);
    }
    for (int r = 0; r < records; ++r) labels[r] = {r % 3, r % 2};
  }
  static constexpr int records = 11;
  std::array<std::array<std::int32_t, 2>, records> labels;
  bool known_complete = false;

  std::uint64_t size(Split split) const override { return split == Split::train ? records : 0; }
  std::uint64_t record(Split, std::uint64_t rank) const override { return rank; }
  void read(std::uint64_t record, std::span<std::byte>, Record& out) const override {
    out.image = pictures_.data() + record * 72;
    for (int t = 0; t < 2; ++t) out.targets[t].label = labels[record][t];
  }
  std::int32_t label(std::uint64_t record, int target) const override {
    return labels[record][target];
  }
  bool labelled(std::uint64_t record, int target) const override {
    return labels[record][target] >= 0;
  }
  bool complete(int) const override { return known_complete; }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  std::span<const std::string> class_names(int) const override { return {}; }

 private:
  std::array<std::uint8_t, 72 * records> pictures_;
  std::array<float, 2> mean_{127, 127}, deviation_{70, 70};
};

// A trainer with its own arena, after `steps` steps.
template <class Experiment, Mode InMode = by_one>
class Training {
 public:
  explicit Training(const TinySource& source, int steps, std::uint32_t batch_size = 11,
                    int threads = 2, double clip = 0.0)
      : arena_(Definition<Experiment>::map.floats + 32), trainer_(aligned_start()) {
    Settings settings = settings_of<Experiment>(source, InMode);
    settings.batch_size = batch_size;
    settings.shuffle = false;
    settings.threads = threads;
    settings.clip_norm = clip;
    trainer_.start(settings);
    trainer_.initialize();
    for (int i = 0; i < steps; ++i) trainer_.step(position, 1.0, report);
  }

  std::vector<float> tensor(std::string_view name) const {
    for (const TensorInfo& t : description().tensors) {
      if (t.name != name) continue;
      std::vector<float> values(t.elements);
      t.unpack(aligned_start(), values.data());
      return values;
    }
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  static std::vector<std::string> tensor_names() {
    std::vector<std::string> names;
    for (const TensorInfo& t : description().tensors) names.push_back(t.name);
    return names;
  }
  ThreadedTrainer<Experiment>& engine() { return trainer_; }

  Position position;
  StepReport report;

 private:
  static Description description() { return with_mode(describe<Experiment>(), InMode); }
  float* aligned_start() const {
    const auto address = reinterpret_cast<std::uintptr_t>(arena_.data());
    return const_cast<float*>(arena_.data()) + (128 - address % 128) % 128 / sizeof(float);
  }
  std::vector<float> arena_;
  ThreadedTrainer<Experiment> trainer_;
};
using Joint = Training<TinyModes>;
using Simultaneous = Training<TinyModes, by_all_at_once>;
using Alternating = Training<TinyModes, by_each_in_turn>;

void expect_near(const std::vector<float>& a, const std::vector<float>& b, float tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << "element " << i;
}

TEST(Steps, SimultaneousWithPlainSgdEqualsJoint) {
  const TinySource source;
  const Joint joint(source, 3);
  const Simultaneous simultaneous(source, 3);
  for (const char* name : {"trunk.0.weight", "heads.kind.0.weight", "heads.side.4.bias"}) {
    expect_near(joint.tensor(name), simultaneous.tensor(name), 2e-6f);
  }
  EXPECT_NEAR(joint.report.total, simultaneous.report.total, 1e-6);
}

TEST(Steps, StatisticsOfEveryHeadAreThoseOfTheForwardPass) {
  const TinySource source;
  const Joint joint(source, 1);
  const Simultaneous simultaneous(source, 1);
  for (const char* name : {"heads.kind.1.running_mean", "heads.kind.1.running_var",
                           "heads.side.1.running_mean", "heads.side.1.running_var"}) {
    EXPECT_EQ(joint.tensor(name), simultaneous.tensor(name)) << name;
  }
  EXPECT_NE(joint.tensor("heads.side.1.running_mean")[0], 0.0f);
}

TEST(Steps, AlternatingGroupsLeaveAloneWhatTheyDoNotReach) {
  const auto names = Alternating::tensor_names();
  const auto has = [&](const char* name) { return std::ranges::find(names, name) != names.end(); };
  EXPECT_TRUE(has("optimizer.a.momentum.trunk.0.weight"));
  EXPECT_TRUE(has("optimizer.a.momentum.heads.kind.0.weight"));
  EXPECT_FALSE(has("optimizer.a.momentum.heads.side.0.weight"));
  // Three batches of four; a round of the two groups takes all three.
  const TinySource source;
  Alternating run(source, 1, 4);
  EXPECT_EQ(run.position.updates[0], 1u);
  EXPECT_EQ(run.position.updates[1], 2u);
  EXPECT_EQ(run.position.epoch, 1u);
  EXPECT_EQ(run.engine().rounds_per_epoch(), 1u);
}

TEST(Steps, CompleteTargetsCountAsIfEachRecordWereAsked) {
  TinySource source;
  const Training<TinyWeighted> asked(source, 4, 5);
  source.known_complete = true;
  const Training<TinyWeighted> known(source, 4, 5);
  for (const std::string& name : Training<TinyWeighted>::tensor_names()) {
    EXPECT_EQ(asked.tensor(name), known.tensor(name)) << name;
  }
}

TEST(Steps, ThreadsDoNotChangeABit) {
  const TinySource source;
  const Simultaneous one(source, 4, 5, 1), three(source, 4, 5, 3);
  for (const std::string& name : Simultaneous::tensor_names()) {
    EXPECT_EQ(one.tensor(name), three.tensor(name)) << name;
  }
}

TEST(Steps, WavesOfABatchMakeOneGradient) {
  const TinySource source;
  const Training<Wide<8>> at_once(source, 3);
  const Training<Wide<4>> in_two(source, 3);
  for (const std::string& name : Training<Wide<8>>::tensor_names()) {
    SCOPED_TRACE(name);
    expect_near(at_once.tensor(name), in_two.tensor(name), 2e-6f);
  }
  EXPECT_NE(at_once.tensor("heads.side.0.weight"),
            Training<Wide<8>>(source, 0).tensor("heads.side.0.weight"));
  const auto measured = [&](auto&& run) {
    GradientReport report;
    run.engine().measure_gradients(run.position, report);
    return report;
  };
  const GradientReport a = measured(Training<Wide<8>>(source, 0)),
                       b = measured(Training<Wide<4>>(source, 0));
  for (int k = 0; k < 3; ++k) EXPECT_NEAR(a.norm[k], b.norm[k], 1e-5 * a.norm[k]);
}

TEST(Steps, MissingTargetsCountForTheirOtherTermsOnly) {
  TinySource source;
  const Joint full(source, 1);
  for (int r = 0; r < 11; ++r) {
    if (r != 4) source.labels[r][1] = -1;
  }
  const Joint partly(source, 1);
  EXPECT_EQ(full.report.value[0], partly.report.value[0]);
  EXPECT_NE(full.report.value[1], partly.report.value[1]);
  EXPECT_EQ(full.tensor("heads.kind.0.weight"), partly.tensor("heads.kind.0.weight"));
  source.labels[4][1] = -1;
  const Joint none(source, 1);
  EXPECT_FALSE(none.report.measured[1]);
  EXPECT_EQ(none.report.value[1], 0.0);
}

TEST(Steps, ClippingScalesTheGradientToTheNorm) {
  const TinySource source;
  const Joint before(source, 0), free(source, 1), clipped(source, 1, 11, 2, 0.05);
  const double norm = free.report.gradient_norm[0];
  ASSERT_GT(norm, 0.05);
  EXPECT_EQ(clipped.report.gradient_norm[0], norm);
  const auto start = before.tensor("trunk.0.weight"), a = free.tensor("trunk.0.weight"),
             b = clipped.tensor("trunk.0.weight");
  for (std::size_t i = 0; i < start.size(); ++i) {
    ASSERT_NEAR((a[i] - start[i]) * 0.05 / norm, b[i] - start[i], 1e-7);
  }
}

TEST(Steps, EndsWhereAGradientIsNotFinite) {
  const TinySource source;
  Joint run(source, 1);
  Settings broken;
  broken.source = &source;
  broken.batch_size = 11;
  broken.weight = {1e38, 1e38, 1e38};
  broken.learning_rate[0] = 0.1;
  run.engine().start(broken);
  const Position position = run.position;
  run.engine().step(run.position, 1.0, run.report);
  EXPECT_TRUE(run.report.diverged);
  EXPECT_EQ(run.report.culprit_layer, "trunk.0");
  EXPECT_EQ(run.position.step, position.step);
}

TEST(Steps, MeasuredGradientsAreThoseOfTheTerms) {
  const TinySource source;
  Joint run(source, 0);
  GradientReport report;
  run.engine().measure_gradients(run.position, report);
  // Of the penalty Σw² the gradient is 2w.
  double squares = 0;
  for (const float w : run.tensor("trunk.0.weight")) squares += 4.0 * w * w;
  EXPECT_NEAR(report.norm[2], std::sqrt(squares), 1e-5);
  EXPECT_NEAR(report.cosine[0][0], 1.0, 1e-12);
  EXPECT_GT(report.norm[0], 0.0);
  EXPECT_LE(std::fabs(report.cosine[0][1]), 1.0 + 1e-12);
  // Measuring changes nothing: a run that measured goes on like one that did not.
  const Joint other(source, 1);
  run.engine().step(run.position, 1.0, run.report);
  EXPECT_EQ(run.tensor("trunk.0.weight"), other.tensor("trunk.0.weight"));
  EXPECT_EQ(run.tensor("heads.kind.1.running_mean"), other.tensor("heads.kind.1.running_mean"));
}

// Both convolutions go by Winograd's filtering, which needs scratch forward and backward.
using WithScratch = Network<Shape{32, 16, 16}, Sequence<Conv<32>, Conv<32>>,
                            std::tuple<Head<"y", GlobalAveragePool>>, 2, 1>;

template <class Net>
void expect_no_overlap() {
  const auto& buffers = Net::activations.buffers;
  for (std::size_t a = 0; a < buffers.size(); ++a) {
    EXPECT_LE(buffers[a].offset + buffers[a].floats, Net::activation_floats);
    for (std::size_t b = a + 1; b < buffers.size(); ++b) {
      if (buffers[a].floats == 0 || buffers[b].floats == 0) continue;
      const bool apart = buffers[a].offset + buffers[a].floats <= buffers[b].offset ||
                         buffers[b].offset + buffers[b].floats <= buffers[a].offset;
      EXPECT_TRUE(apart || !buffers[a].life.overlaps(buffers[b].life)) << a << " and " << b;
    }
  }
}
TEST(Plan, BuffersThatLiveTogetherDoNotOverlap) {
  expect_no_overlap<Definition<Tiny>::Net>();
  expect_no_overlap<Definition<TinySimultaneous>::Net>();
  expect_no_overlap<WithScratch>();
}
TEST(Plan, ScratchHasNoMemoryOfItsOwnWhereOthersAreIdle) {
  using Plain = Network<Shape{32, 16, 16}, Sequence<Direct<Conv<32>>, Direct<Conv<32>>>,
                        std::tuple<Head<"y", GlobalAveragePool>>, 2, 1>;
  std::size_t scratch = 0;
  for (int i = 0; i < WithScratch::node_count; ++i) {
    for (const bool backward : {false, true}) {
      scratch += WithScratch::activations.buffers[WithScratch::scratch_buffer(i, backward)].floats;
    }
  }
  EXPECT_GT(scratch, 0u);
  EXPECT_LT(WithScratch::activation_floats, Plain::activation_floats + scratch / 2);
}

template <Shape Input>
struct Unsaid : Tiny {
  static constexpr Shape input = Input;
  static constexpr Memory memory{};
};
TEST(Plan, ShardsFollowFromTheShapeWhereNothingIsSaid) {
  using Small = Unsaid<Shape{2, 6, 6}>;
  using Medium = Unsaid<Shape{2, 14, 14}>;
  using Large = Unsaid<Shape{2, 90, 90}>;
  EXPECT_EQ(Definition<Small>::shard, 16);
  EXPECT_EQ(describe<Small>().memory.shard, 16);
  EXPECT_EQ(Definition<Medium>::shard, 8);
  EXPECT_LE(Definition<Medium>::Net::activation_floats * sizeof(float), 1u << 20);
  EXPECT_EQ(Definition<Large>::shard, 4);
  EXPECT_EQ(Definition<Tiny>::shard, 2);
}

TEST(Plan, MomentsThatAnOptimizerDoesNotNeedHaveNoMemory) {
  const auto moments = [](const std::vector<std::string>& names) {
    return std::ranges::count_if(
        names, [](const std::string& name) { return name.starts_with("optimizer."); });
  };
  EXPECT_EQ(moments(Training<Tiny>::tensor_names()), 0);
  EXPECT_GT(moments(Training<TinyAlternating>::tensor_names()), 0);
  EXPECT_EQ(Definition<Tiny>::map.gradients, Definition<Tiny>::map.moments[0]);
}

TEST(Plan, SectionsOfTheArenaFollowEachOther) {
  const Description d = describe<TinySimultaneous>();
  std::size_t end = 0;
  for (const SectionInfo& section : d.arena) {
    EXPECT_GE(section.offset, end) << section.name;
    end = section.offset + section.bytes;
  }
  EXPECT_LE(end, d.arena_bytes);
}

TEST(Permutation, IsOne) {
  for (const std::uint64_t size : {1u, 2u, 3u, 17u, 64u, 1000u}) {
    std::vector<bool> seen(size, false);
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t at = Permutation(size, 7, 3)(i);
      ASSERT_LT(at, size);
      ASSERT_FALSE(seen[at]);
      seen[at] = true;
    }
  }
  EXPECT_NE(Permutation(1000, 7, 3)(5), Permutation(1000, 7, 4)(5));
}

template <Mode InMode>
void same_bits_after_steps() {
  const TinySource source;
  const auto& plan = Definition<Activated<false>>::Net::activations;
  EXPECT_EQ(std::count(plan.applies_next.begin(), plan.applies_next.end(), true), 6);
  EXPECT_EQ(std::count(plan.takes_previous.begin(), plan.takes_previous.end(), true), 1);
  const Training<Activated<false>, InMode> along(source, 4);
  const Training<Activated<true>, InMode> apart(source, 4);
  for (const std::string& name : along.tensor_names()) {
    EXPECT_EQ(along.tensor(name), apart.tensor(name)) << name;
  }
}
TEST(AppliedActivation, GivesTheSameBitsAsByItself) {
  same_bits_after_steps<by_one>();
  same_bits_after_steps<by_all_at_once>();
}

}  // namespace
}  // namespace medley::testing
