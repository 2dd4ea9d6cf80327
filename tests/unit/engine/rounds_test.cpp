// Which records the updates of a round see.
#include <gtest/gtest.h>

#include "medley/layers/dense.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "training_harness.hpp"

namespace medley::testing {
namespace {

struct Round {
  static constexpr std::string_view name = "round";
  static constexpr Shape input{1, 2, 2};
  static constexpr auto targets = std::to_array<TargetSpec>({{"a", TargetKind::classes, 2},
                                                             {"b", TargetKind::classes, 2},
                                                             {"c", TargetKind::classes, 2}});
  using Trunk = Sequence<Dense<3>>;
  using Heads = std::tuple<Head<"a", Dense<1>>, Head<"b", Dense<1>>, Head<"c", Dense<1>>>;
  static constexpr auto terms =
      std::tuple{term<"a">(BinaryCrossEntropy{}), term<"b">(BinaryCrossEntropy{}),
                 term<"c">(BinaryCrossEntropy{})};
  static constexpr WeightedSum mix{};
  static constexpr auto steps =
      alternating(group<"a", "a">(Sgd{.learning_rate = 0.1}),
                  group<"b", "b">(Sgd{.learning_rate = 0.1}).repeated(2).on_next_batch(),
                  group<"c", "c">(Sgd{.learning_rate = 0.1}).repeated(2));
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2, .slots = 1};
};
struct OwnFirst : Round {
  static constexpr auto steps =
      alternating(group<"a", "a">(Sgd{.learning_rate = 0.1}).on_next_batch(),
                  group<"b", "b">(Sgd{.learning_rate = 0.1}),
                  group<"c", "c">(Sgd{.learning_rate = 0.1}).on_next_batch());
};

// Records of each batch of two that the rounds read.
template <class Experiment>
std::vector<std::uint64_t> batches_seen(std::uint64_t records, int rounds,
                                        const Position& from = {}) {
  MadeSource source(records, Experiment::input, Experiment::targets);
  source.notes = true;
  Settings settings = settings_for<Experiment>(source);
  settings.batch_size = 2;
  settings.threads = 1;
  MadeTraining<Experiment> training(settings);
  training.position = from;
  training.step(rounds);
  std::vector<std::uint64_t> batches;
  for (std::size_t i = 0; i < source.seen.size(); i += 2) {
    EXPECT_EQ(source.seen[i] + 1, source.seen[i + 1]);
    batches.push_back(source.seen[i] / 2);
  }
  return batches;
}

using Seen = std::vector<std::uint64_t>;

TEST(Rounds, GroupsBehindOneWithBatchesOfItsOwnSeeTheRoundsBatch) {
  EXPECT_EQ(batches_seen<Round>(12, 2), (Seen{0, 1, 2, 0, 0, /**/ 3, 4, 5, 3, 3}));
  EXPECT_EQ(batches_seen<OwnFirst>(8, 2), (Seen{0, 0, 1, /**/ 2, 2, 3}));
}

TEST(Rounds, OneThatRunsPastTheLastBatchGoesOnWithTheFirst) {
  EXPECT_EQ(batches_seen<Round>(8, 3),
            (Seen{0, 1, 2, 0, 0, /**/ 3, 0, 1, 3, 3, /**/ 0, 1, 2, 0, 0}));
}

TEST(Rounds, GoOnFromAPosition) {
  const MadeSource source(12, Round::input, Round::targets);
  Settings settings = settings_for<Round>(source);
  settings.batch_size = 2;
  MadeTraining<Round> training(settings);
  training.step();
  EXPECT_EQ(training.position.batch, 3u);
  EXPECT_EQ(training.position.updates[1], 2u);
  EXPECT_EQ(batches_seen<Round>(12, 1, training.position), (Seen{3, 4, 5, 3, 3}));
  training.step();
  EXPECT_EQ(training.position.batch, 0u);
  EXPECT_EQ(training.position.epoch, 1u);
  EXPECT_EQ(training.engine().rounds_per_epoch(), 2u);
}

}  // namespace
}  // namespace medley::testing
