// Processes that train together: the same bits as one has alone, for any number of them, and no more
// messages than the sums need.
#include "medley/engine/processes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "medley/layers/dropout.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/norm.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/optimizers/adam.hpp"
#include "mixing_harness.hpp"
#include "process_group.hpp"

namespace medley::testing {
namespace {

// What depends on more than one slot: sums over the batch, statistics of norms, gradients in factors
// (of the first dense layer), scores, and mixes that ask for gradients, values, or a look ahead.
struct Together {
  static constexpr std::string_view name = "together";
  static constexpr Shape input{2, 8, 8};
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 3},
                                                             {"side", TargetKind::classes, 2},
                                                             {"outline", TargetKind::mask, 2}});
  using Trunk = Sequence<Conv<20>, GhostBatchNorm, Relu, Dropout<20>>;
  using Heads = std::tuple<Head<"kind", Flatten, Dense<32>, Relu, Dense<3>>,
                           Head<"side", GlobalAveragePool, Dense<1>>, Head<"outline", Conv<1>>>;
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{}, 1.0), term<"side">(BinaryCrossEntropy{}, 0.5),
                 term<"outline">(SoftIou{}, 1.0).over_batch(), penalty<"decay">(L2Penalty{}, 1e-2)};
  static constexpr auto mix = any_of(WeightedSum{}, UpGrad{}, Famo{}, AutoLambda{});
  static constexpr auto steps =
      any_of(joint(Adam{.learning_rate = 1e-2}),
             simultaneous(group<"a", "kind", "side">(Adam{.learning_rate = 1e-2}),
                          group<"b", "outline", "decay">(listed_sgd)),
             alternating(group<"c", "kind", "side">(listed_sgd),
                         group<"d", "outline", "decay">(listed_sgd).repeated(2).on_next_batch()));
  static constexpr Recipe recipe{.augmentation = {.flip = true, .shift = 1}};
  static constexpr Memory memory{.shard = 2, .slots = 6};
};

// Some records have no kind, some no side.
MadeSource partly_labelled(std::uint64_t records) {
  MadeSource made(records, Together::input, Together::targets);
  for (std::size_t r = 0; r < records; ++r) {
    if (r % 5 == 1) made.targets[0].labels[r] = -1;
    if (r % 7 == 3) made.targets[1].labels[r] = -1;
  }
  return made;
}

// Everything that a training tells.
struct Told {
  std::vector<std::vector<float>> tensors;
  std::vector<std::vector<double>> states;
  std::vector<double> numbers;
  bool operator==(const Told&) const = default;
};

template <class Pairs>
void add(std::vector<double>& numbers, const Pairs& pairs) {
  for (int a = 0; a < Definition<Together>::term_count; ++a)
    for (int b = 0; b < Definition<Together>::term_count; ++b) numbers.push_back(pairs[a][b]);
}

Told train(Settings settings, Processes* processes, int steps) {
  settings.processes = processes;
  MadeTraining<Together> run(settings);
  Told told;
  const auto tell = [&](const auto& values) {
    told.numbers.insert(told.numbers.end(), values.begin(), values.end());
  };
  std::vector<float> memory(run.engine().diagnosis_floats());
  for (int s = 0; s < steps; ++s) {
    const GradientReport gradients = run.gradients();
    tell(gradients.norm);
    add(told.numbers, gradients.cosine);
    const Position before = run.position;
    run.engine().keep_parameters(memory);
    run.step();
    EXPECT_FALSE(run.report.diverged);
    tell(run.report.value), tell(run.report.weight), tell(run.report.gradient_norm);
    Diagnosis diagnosis;
    run.engine().diagnose(before, memory, run.report, s == 0 ? 0.01 : 0.0, diagnosis);
    add(told.numbers, diagnosis.product), add(told.numbers, diagnosis.halves);
    add(told.numbers, diagnosis.ahead);
    tell(diagnosis.predicted), tell(diagnosis.real);
  }
  const Evaluation evaluation = run.evaluate();
  tell(evaluation.value);
  for (const MetricCounts& m : evaluation.metrics) {
    tell(m.confusion);
    for (const Score& score : m.scores) told.numbers.push_back(static_cast<double>(score.value));
    told.numbers.push_back(m.absolute_error);
  }
  run.engine().gather_state();
  for (const std::string& name : run.tensor_names()) {
    const bool is_moment = name.starts_with("optimizer.");
    if (!is_moment || !processes || processes->rank() == 0)
      told.tensors.push_back(run.tensor(name));
  }
  for (const StateInfo& s : mix_states(run.description())) told.states.push_back(run.state(s.name));
  return told;
}

// NaN, where nothing was measured, differs from itself.
void expect_same(const Told& found, const Told& alone, bool first) {
  ASSERT_EQ(found.numbers.size(), alone.numbers.size());
  for (std::size_t i = 0; i < found.numbers.size(); ++i) {
    if (std::isnan(alone.numbers[i])) {
      EXPECT_TRUE(std::isnan(found.numbers[i])) << i;
    } else {
      EXPECT_EQ(found.numbers[i], alone.numbers[i]) << i;
    }
  }
  EXPECT_EQ(found.states, alone.states);
  if (first) {
    EXPECT_EQ(found.tensors, alone.tensors);
    return;
  }
  ASSERT_FALSE(found.tensors.empty());
  for (std::size_t t = 0; t < found.tensors.size(); ++t)
    EXPECT_EQ(found.tensors[t], alone.tensors[t]) << t;
}

void expect_same_for(const Settings& settings, const std::vector<int>& counts) {
  const Told alone = train(settings, nullptr, 2);
  ASSERT_FALSE(alone.tensors.empty());
  for (const int count : counts) {
    SCOPED_TRACE(count);
    Settings each = settings;
    each.threads = count == 2 ? 2 : 1;  // more would wait for each other
    ProcessGroup group(count);
    group.run([&](Processes& processes) {
      expect_same(train(each, &processes, 2), alone, processes.rank() == 0);
    });
  }
}

// Batches of 17 are nine shards in six slots, the last of one record; the split's last has eleven. Each
// mix in joint steps; more than one group with one from values and one from the Gramian.
TEST(Processes, AnyNumberOfThemGivesTheBitsOfOne) {
  const MadeSource made = partly_labelled(28);
  const std::vector<AnyMix> mixes = describe<Together>().mixes;
  const auto expect_same_with = [&](int mode, const AnyMix& mix, const std::vector<int>& counts) {
    SCOPED_TRACE(std::string(mix.type()) + " " + std::to_string(mode));
    Settings settings = settings_for<Together>(made, mode);
    settings.mix.fill({mix, {}});
    settings.batch_size = 17;
    settings.augment = true;
    expect_same_for(settings, counts);
  };
  for (std::size_t m = 0; m < mixes.size(); ++m)
    expect_same_with(0, mixes[m], m == 1 ? std::vector{2, 7} : std::vector{3});
  expect_same_with(1, mixes[1], {5});
  expect_same_with(2, mixes[2], {5});
}

TEST(Processes, ClippedFrozenAndWeightedTrainingsAreTheSameToo) {
  MadeSource made = partly_labelled(28);
  for (std::size_t r = 0; r < 28; ++r) made.weights.push_back(static_cast<float>(r % 3));
  Settings settings = settings_for<Together>(made, 0);
  settings.clip_norm = 0.1;
  std::vector<std::uint32_t> frozen(Definition<Together>::Net::parameter_count, 0);
  frozen[0] = frozen[3] = 1;
  settings.frozen_epochs = frozen;
  settings.batch_size = 3;
  expect_same_for(settings, {4});
  settings.batch_size = 17;
  expect_same_for(settings, {2, 7});
}

// Whatever the slots are that a batch uses.
TEST(Processes, SubtreesOfAllCoverEverySlotOnce) {
  for (int used = 1; used <= 40; ++used) {
    for (int count = 1; count <= 9; ++count) {
      int next = 0;
      for (int process = 0; process < count; ++process) {
        each_subtree(share_of(used, process, count), used, [&](int first, int leaves) {
          EXPECT_EQ(first, next);
          int size = 1;
          while (size < leaves) size *= 2;
          EXPECT_EQ(first % size, 0);
          EXPECT_TRUE(leaves == size || first + leaves == used);
          next = first + leaves;
        });
      }
      EXPECT_EQ(next, used);
    }
  }
}

}  // namespace
}  // namespace medley::testing
