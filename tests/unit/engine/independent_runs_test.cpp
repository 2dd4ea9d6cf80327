// Trainings one after the other in one process: whatever the first was, the second leaves the bytes
// that it leaves by itself.
#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "medley/engine/trainer_engine.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/dropout.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/norm.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/blend.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/adam.hpp"
#include "medley/optimizers/sgd.hpp"
#include "medley/run/training_run.hpp"
#include "tests/files_helpers.hpp"
#include "tests/training_harness.hpp"

namespace medley::testing {
namespace {

namespace fs = std::filesystem;

// What a run may leave behind: numbers of the mix, moments, running statistics, prepacked weights,
// scores, and activations of every kind.
struct Blended {
  static constexpr std::string_view name = "blended";
  static constexpr Shape input{2, 6, 6};
  static constexpr auto targets = std::to_array<TargetSpec>(
      {{"kind", TargetKind::classes, 3}, {"side", TargetKind::classes, 2}});
  using Trunk = Sequence<Conv<20>, GhostBatchNorm, Relu>;
  using Heads = std::tuple<Head<"kind", Flatten, Dropout<30>, Dense<3>>,
                           Head<"side", Conv<5>, Relu, Flatten, Dense<1>>>;
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{}), term<"side">(BinaryCrossEntropy{}),
                 penalty<"decay">(L2Penalty{}, 1e-3)};
  static constexpr Blend mix{.a = 0.6};
  static constexpr auto steps = joint(Adam{.learning_rate = 0.01});
  static constexpr Recipe recipe{.epochs = 2, .batch_size = 4};
  static constexpr Memory memory{.shard = 2, .slots = 4};
};
struct InTurn : Blended {
  static constexpr auto steps =
      alternating(group<"a", "kind", "side">(Sgd{.learning_rate = 0.1, .momentum = 0.9}),
                  group<"b", "decay">(Sgd{.learning_rate = 0.1}).repeated(2).on_next_batch());
  static constexpr WeightedSum mix{};
};

// A program with an arena and records of its own.
template <class Experiment>
class MadeProgram {
 public:
  MadeProgram() : memory_(Definition<Experiment>::map.floats + 32) {}

  const Description description = describe<Experiment>();
  const MadeSource source{11, Experiment::input, Experiment::targets};
  Program make() {
    const auto past = reinterpret_cast<std::uintptr_t>(memory_.data()) % 128;
    float* const arena = memory_.data() + (128 - past) % 128 / sizeof(float);
    return {.description = description,
            .arena = {arena, Definition<Experiment>::map.floats},
            .generator = &source,
            .variants = {{"made", make_engine, true}}};
  }

 private:
  static std::unique_ptr<Engine> make_engine(float* arena) {
    return std::make_unique<TrainerEngine<Experiment>>(arena);
  }
  std::vector<float> memory_;
};

using Contents = std::vector<std::pair<std::string, std::string>>;

// One process as it were: a program, and folders for what is trained with it.
template <class Experiment>
class Process {
 public:
  TrainingRun::Ending train(const Session& session, const char* name, Arguments arguments,
                            std::uint64_t stop_after = 0) {
    arguments.insert(arguments.begin(), {"--out", (folder_ / name).string()});
    TrainOptions options = parse_train_options(arguments, made_.description);
    options.stop_after = stop_after;
    return TrainingRun(session, options).train();
  }
  Contents contents(const char* name) const {
    Contents found;
    for (const char* file : {"config.ini", "losses.csv", "metrics.csv"}) {
      found.emplace_back(file, read_text(folder_ / name / file));
    }
    for (const fs::path& file : checkpoints_of(folder_ / name)) {
      found.emplace_back(file.filename().string(), read_text(file));
    }
    return found;
  }

 private:
  MadeProgram<Experiment> made_;
  TemporaryFolder folder_;

 public:
  const Program program = made_.make();
};

// As unlike the second as options allow.
template <class Experiment>
Arguments first() {
  Arguments options{"--weight",  "side=3", "--weight",  "decay=0.1", "--seed",       "7",
                    "--lr",      "0.05",   "--clip",    "0.5",       "--batch-size", "11",
                    "--epochs",  "3",      "--shuffle", "off",       "--schedule",   "cosine",
                    "--threads", "3"};
  if (std::is_same_v<Experiment, Blended>) options.insert(options.end(), {"--mix", "blend:a=0.3"});
  return options;
}
const Arguments broken{"--weight", "kind=1e29", "--weight", "side=1e29",
                       "--lr",     "1e29",      "--epochs", "9"};
const Arguments second{"--epochs", "2", "--checkpoint-every", "2",
                       "--keep",   "9", "--log-every",        "1"};

template <class Experiment>
Contents by_itself() {
  Process<Experiment> process;
  const Session session(process.program, "made");
  EXPECT_EQ(process.train(session, "second", second), TrainingRun::Ending::complete);
  return process.contents("second");
}

void expect_same(const Contents& found, const Contents& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(found[i].first, expected[i].first);
    EXPECT_TRUE(found[i].second == expected[i].second) << expected[i].first << " differs";
  }
}

template <class Experiment>
class IndependentRuns : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::internal::CaptureStderr(); }
  void TearDown() override { (void)::testing::internal::GetCapturedStderr(); }
};
using Experiments = ::testing::Types<Blended, InTurn>;
TYPED_TEST_SUITE(IndependentRuns, Experiments);

TYPED_TEST(IndependentRuns, InTwoSessions) {
  Process<TypeParam> process;
  {
    const Session session(process.program, "made");
    ASSERT_EQ(process.train(session, "first", first<TypeParam>()), TrainingRun::Ending::complete);
  }
  const Session session(process.program, "made");
  ASSERT_EQ(process.train(session, "second", second), TrainingRun::Ending::complete);
  expect_same(process.contents("second"), by_itself<TypeParam>());
}

TYPED_TEST(IndependentRuns, InOneSession) {
  Process<TypeParam> process;
  const Session session(process.program, "made");
  ASSERT_EQ(process.train(session, "first", first<TypeParam>()), TrainingRun::Ending::complete);
  ASSERT_EQ(process.train(session, "second", second), TrainingRun::Ending::complete);
  expect_same(process.contents("second"), by_itself<TypeParam>());
}

// What is not finite in the arena stays out of the next run.
TYPED_TEST(IndependentRuns, AfterOneThatDiverged) {
  Process<TypeParam> process;
  const Session session(process.program, "made");
  ASSERT_EQ(process.train(session, "broken", broken), TrainingRun::Ending::diverged);
  ASSERT_EQ(process.train(session, "second", second), TrainingRun::Ending::complete);
  expect_same(process.contents("second"), by_itself<TypeParam>());
}

TYPED_TEST(IndependentRuns, ResumedAfterAnother) {
  Process<TypeParam> process;
  const Session session(process.program, "made");
  ASSERT_EQ(process.train(session, "second", second, 1), TrainingRun::Ending::stopped);
  ASSERT_EQ(process.train(session, "first", first<TypeParam>()), TrainingRun::Ending::complete);
  ASSERT_EQ(process.train(session, "second", {"--resume"}), TrainingRun::Ending::complete);
  expect_same(process.contents("second"), by_itself<TypeParam>());
}

TEST(Engine, StartsAsIfItHadNotBeenAtWork) {
  const MadeSource source(11, Blended::input, Blended::targets);
  const Settings settings = settings_for<Blended>(source);
  Settings others = settings;
  others.weight = {3.0, 0.5, 0.1};
  others.mix[0].mix = Blend{.a = 0.3};
  others.clip_norm = 0.01;
  others.seed = 9;
  MadeTraining<Blended> again(others), once(settings);
  again.step(3);
  const double mixed = again.report.weight[0];
  again.evaluate();
  again.engine().start(settings);
  again.engine().initialize();
  again.position = {};
  EXPECT_EQ(again.step(3).report.weight, once.step(3).report.weight);
  EXPECT_EQ(again.report.total, once.report.total);
  EXPECT_EQ(again.evaluate().total, once.evaluate().total);
  expect_same_tensors(again, once);
  EXPECT_EQ(mixed, static_cast<double>(static_cast<float>(0.3 * 3.0)));
}

}  // namespace
}  // namespace medley::testing
