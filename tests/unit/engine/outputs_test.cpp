// What heads put out: several on one tensor, masks of a single pixel, what outputs mean and how they
// are measured.
#include <gtest/gtest.h>

#include <cmath>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "medley/run/metrics.hpp"
#include "record_sums.hpp"
#include "training_harness.hpp"

namespace medley::testing {
namespace {

// --- heads on one tensor -------------------------------------------------------------------------

// Two heads that are the trunk's output itself, one with layers, and one whose first layer reads it
// twice. With Explicit, the bare ones have a layer that changes nothing.
template <bool Explicit>
struct Pixels {
  static constexpr std::string_view name = "pixels";
  static constexpr Shape input{2, 4, 4};
  static constexpr auto targets = std::to_array<TargetSpec>({{"parts", TargetKind::mask, 3},
                                                             {"others", TargetKind::mask, 3},
                                                             {"kind", TargetKind::classes, 2}});
  using Trunk = Sequence<Conv<5>, Tanh, Conv<3>>;
  template <Name N>
  using Bare = std::conditional_t<Explicit, Head<N, Conv<3, 1>>, Head<N>>;
  using Heads = std::tuple<Bare<"parts">, Head<"kind", GlobalAveragePool, Dense<2>>, Bare<"others">,
                           Head<"twice", Residual<Conv<3, 1>>>>;
  static constexpr auto terms = std::tuple{
      term<"parts">(SoftmaxCrossEntropy{}, 1.0), term<"kind">(SoftmaxCrossEntropy{}, 2.0),
      term<"others">(Hinge{}, 3.0), term<"twice", "twice", "parts">(Hinge{}, 0.5)};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.2, .momentum = 0.9});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2, .slots = 2};
};
template <bool Explicit>
struct PixelsAtOnce : Pixels<Explicit> {
  static constexpr auto steps =
      simultaneous(group<"a", "parts", "others">(Sgd{.learning_rate = 0.2}),
                   group<"b", "kind", "twice">(Sgd{.learning_rate = 0.1, .momentum = 0.9}));
};
template <bool Explicit>
struct PixelsInTurn : Pixels<Explicit> {
  static constexpr auto steps =
      alternating(group<"a", "parts", "others">(Sgd{.learning_rate = 0.2}),
                  group<"b", "kind", "twice">(Sgd{.learning_rate = 0.1}).repeated(2));
};
// The same where heads answer once a picture.
template <bool Explicit>
struct Samples : Pixels<Explicit> {
  using Trunk = Sequence<Conv<5>, Tanh, GlobalAveragePool, Dense<3>>;
  template <Name N>
  using Bare = std::conditional_t<Explicit, Head<N, Dense<3>>, Head<N>>;
  static constexpr auto targets = std::to_array<TargetSpec>({{"parts", TargetKind::classes, 3},
                                                             {"others", TargetKind::classes, 3},
                                                             {"kind", TargetKind::classes, 2}});
  using Heads = std::tuple<Bare<"parts">, Head<"kind", Tanh, Dense<2>>, Bare<"others">,
                           Head<"twice", Residual<Conv<3, 1>>>>;
};

template <class Experiment>
void be_identity(MadeTraining<Experiment>& training) {
  for (const char* head : {"parts", "others"}) {
    training.set(std::string("heads.") + head + ".0.weight", {1, 0, 0, 0, 1, 0, 0, 0, 1});
    training.set(std::string("heads.") + head + ".0.bias", {0, 0, 0});
  }
}

template <class Bare, class Explicit>
void expect_equal_trainings() {
  MadeSource source(5, Bare::input, Bare::targets);
  source.targets[2].labels[1] = -1;
  MadeTraining<Bare> bare(settings_for<Bare>(source));
  MadeTraining<Explicit> layers(settings_for<Explicit>(source));
  const auto shared = [](const std::string& name) {
    return name.starts_with("trunk.") || name.starts_with("heads.kind") ||
           name.starts_with("heads.twice");
  };
  for (const std::string& name : bare.tensor_names()) {
    if (shared(name)) layers.set(name, bare.tensor(name));
  }
  for (int step = 0; step < 3; ++step) {
    be_identity(layers);
    const GradientReport a = bare.gradients(), b = layers.gradients();
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_NEAR(a.norm[k], b.norm[k], 1e-5);
      for (std::size_t j = 0; j < k; ++j) EXPECT_NEAR(a.cosine[k][j], b.cosine[k][j], 1e-5);
    }
    bare.step();
    layers.step();
    EXPECT_NEAR(bare.report.total, layers.report.total, 1e-5);
    for (const std::string& name : bare.tensor_names()) {
      if (!shared(name)) continue;
      const auto x = bare.tensor(name), y = layers.tensor(name);
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], 1e-5) << name << " " << i;
    }
  }
}

TEST(HeadsOnOneTensor, AddTheirGradientsWhereTheyAnswerPixels) {
  expect_equal_trainings<Pixels<false>, Pixels<true>>();
  expect_equal_trainings<PixelsAtOnce<false>, PixelsAtOnce<true>>();
  expect_equal_trainings<PixelsInTurn<false>, PixelsInTurn<true>>();
}
TEST(HeadsOnOneTensor, AddTheirGradientsWhereTheyAnswerPictures) {
  expect_equal_trainings<Samples<false>, Samples<true>>();
}

TEST(HeadsOnOneTensor, GradientIsThatOfTheTotal) {
  const MadeSource source(5, Pixels<false>::input, Pixels<false>::targets);
  Settings settings = settings_for<Pixels<false>>(source);
  MadeTraining<Pixels<false>> training(settings);
  const std::vector<float> before = training.tensor("trunk.0.weight");
  training.step();
  const std::vector<float> after = training.tensor("trunk.0.weight");
  settings.learning_rate = {};
  const auto total_at = [&](std::size_t i, float change) {
    MadeTraining<Pixels<false>> other(settings);
    std::vector<float> moved = before;
    moved[i] += change;
    other.set("trunk.0.weight", moved);
    other.step();
    return other.report.total;
  };
  for (std::size_t i = 0; i < before.size(); i += 17) {
    const double slope = (total_at(i, 1e-3f) - total_at(i, -1e-3f)) / 2e-3;
    EXPECT_NEAR((double{before[i]} - double{after[i]}) / 0.2, slope, 2e-3) << i;
  }
}

// A head on a tensor that nothing before it can change has no gradient to leave anywhere.
struct Untrainable : Samples<false> {
  using Trunk = Sequence<>;
  static constexpr Shape input{3, 1, 1};
  using Heads =
      std::tuple<Head<"parts">, Head<"kind", Dense<2>>, Head<"others">, Head<"twice", Dense<3>>>;
};
TEST(HeadsOnOneTensor, MayBeTheInput) {
  const MadeSource source(5, Untrainable::input, Untrainable::targets);
  MadeTraining<Untrainable> training(settings_for<Untrainable>(source));
  const double first = training.step().report.value[1];
  training.step(20);
  EXPECT_LT(training.report.value[1], first);
  EXPECT_FALSE(training.report.diverged);
}

// --- a mask of one pixel -------------------------------------------------------------------------

struct OnePixel {
  static constexpr std::string_view name = "one_pixel";
  static constexpr Shape input{3, 1, 1};
  static constexpr auto targets = std::to_array<TargetSpec>({{"pixel", TargetKind::mask, 2},
                                                             {"kind", TargetKind::classes, 2},
                                                             {"place", TargetKind::values, 2}});
  using Trunk = Sequence<>;
  using Heads = std::tuple<Head<"pixel", Dense<2>>>;
  static constexpr auto terms =
      std::tuple{term<"pixel">(SoftmaxCrossEntropy{.class_weights = {1.0, 3.0}}),
                 term<"kind", "pixel", "kind">(SoftmaxCrossEntropy{.class_weights = {1.0, 3.0}}),
                 term<"overlap", "pixel", "pixel">(MulticlassSoftIou{}),
                 term<"place", "pixel", "place">(MeanSquaredError{})};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.1});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 4, .slots = 2};
};

TEST(MaskOfOnePixel, IsReadAsItIs) {
  MadeSource source(7, OnePixel::input, OnePixel::targets);
  source.targets[0].masks = {1, 0, 255, 1, 1, 0, 1};
  source.targets[1].labels = {1, 0, -1, 1, 1, 0, 1};
  MadeTraining<OnePixel> training(settings_for<OnePixel>(source));
  const auto weight = training.tensor("heads.pixel.0.weight");
  training.step();
  EXPECT_NEAR(training.report.value[0], training.report.value[1], 1e-6);
  // By hand: of a picture of one pixel the overlap with class c is p_c where that is its class.
  double overlap = 0, squares = 0;
  for (std::size_t r = 0; r < 7; ++r) {
    std::array<double, 2> x{};
    for (std::size_t c = 0; c < 2; ++c) {
      for (std::size_t i = 0; i < 3; ++i) {
        x[c] += double{weight[c * 3 + i]} * (source.pictures[r * 3 + i] - 127.0) / 70.0;
      }
      squares += (x[c] - 0.5) * (x[c] - 0.5) / 14.0;
    }
    if (r == 2) continue;
    const double other =
        1.0 / (1.0 + std::exp(x[source.targets[0].masks[r]] - x[1 - source.targets[0].masks[r]]));
    const double own = 1.0 - (1.0 - other + 1.0) / 2.0, none = 1.0 - 1.0 / (other + 1.0);
    overlap += (own + none) / 2.0 / 6.0;
  }
  EXPECT_NEAR(training.report.value[2], overlap, 1e-6);
  EXPECT_NEAR(training.report.value[3], squares, 1e-5);
  const Evaluation evaluation = training.evaluate();
  EXPECT_EQ(evaluation.metrics[0].confusion[2] + evaluation.metrics[0].confusion[3], 4u);
  EXPECT_EQ(evaluation.metrics[0].confusion[0] + evaluation.metrics[0].confusion[1], 2u);
  EXPECT_EQ(evaluation.metrics[1].scores.size(), 6u);
  expect_records_sum_up(training);
  const std::set<std::uint64_t> labelled{0, 1, 3, 4, 5, 6}, all{0, 1, 2, 3, 4, 5, 6};
  EXPECT_EQ(records_told(training), (std::vector{labelled, labelled, all}));
}

// --- what outputs mean ---------------------------------------------------------------------------

struct Squares {
  static constexpr std::string_view name = "squares";
  static constexpr Shape input{1, 1, 1};
  static constexpr auto targets = std::to_array<TargetSpec>(
      {{"answer", TargetKind::classes, 2}, {"pixel", TargetKind::mask, 2}});
  using Trunk = Sequence<>;
  using Heads = std::tuple<Head<"value", Dense<1>>, Head<"logit", Dense<1>>,
                           Head<"pixel", Conv<1, 1>>, Head<"two", Dense<2>>>;
  static constexpr auto terms = std::tuple{term<"value", "value", "answer">(MeanSquaredError{}),
                                           term<"logit", "logit", "answer">(BinaryCrossEntropy{}),
                                           term<"margin", "logit", "answer">(BinaryHinge{}),
                                           term<"pixel">(MeanSquaredError{}),
                                           term<"two", "two", "answer">(MeanSquaredError{})};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.1});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 4, .slots = 2};
};

// Counts [class][prediction] of two classes.
using Counts = std::array<std::uint64_t, 4>;
Counts counts(const MetricCounts& metric) {
  Counts found{};
  std::ranges::copy(metric.confusion, found.begin());
  return found;
}

TEST(OutputsMean, LeastSquaresPartClassesAtOneHalf) {
  // Pixels 127 + 70 x are scores x.
  MadeSource source(4, Squares::input, Squares::targets);
  source.pictures = {134, 155, 169, 204};  // 0.1, 0.4, 0.6, 1.1
  source.targets[0].labels = {0, 0, 1, 1};
  source.targets[1].masks = {0, 0, 1, 1};
  MadeTraining<Squares> training(settings_for<Squares>(source));
  for (const char* head : {"value", "logit", "pixel"}) {
    training.set(std::string("heads.") + head + ".0.weight", {1});
    training.set(std::string("heads.") + head + ".0.bias", {0});
  }
  training.set("heads.two.0.weight", {-1, 1});
  training.set("heads.two.0.bias", {1, 0});
  const Evaluation evaluation = training.evaluate();
  EXPECT_EQ(counts(evaluation.metrics[0]), (Counts{2, 0, 0, 2}));
  EXPECT_EQ(counts(evaluation.metrics[1]), (Counts{0, 2, 0, 2}));  // a logit: all are positive
  EXPECT_EQ(counts(evaluation.metrics[2]), (Counts{2, 0, 0, 2}));
  EXPECT_EQ(counts(evaluation.metrics[3]), (Counts{2, 0, 0, 2}));
  ASSERT_EQ(evaluation.metrics[3].scores.size(), 4u);
  EXPECT_NEAR(evaluation.metrics[3].scores.back().value, 1.2, 1e-5);  // 1.1 - (1 - 1.1)
  const Description d = describe<Squares>();
  EXPECT_EQ(d.metrics[0].outputs, Outputs::values);
  EXPECT_EQ(d.metrics[1].outputs, Outputs::sigmoid);  // probabilities beside margins
  for (const Metric& metric : metrics(d, evaluation)) {
    EXPECT_TRUE(!metric.name.ends_with(".auc") || metric.value == 1.0) << metric.name;
  }
  source.targets[0].labels[2] = -1;
  expect_records_sum_up(training);
  EXPECT_EQ(records_told(training)[0], (std::set<std::uint64_t>{0, 1, 3}));
}

TEST(Scores, AreThoseOfTheLabelledRecordsWhateverTheThreads) {
  MadeSource source(200, Squares::input, Squares::targets);
  for (std::size_t r = 0; r < 200; ++r)
    source.targets[0].labels[r] = r % 5 == 0 ? -1 : r * r % 7 < 3;
  std::array<double, 2> found{};
  for (const int threads : {1, 2}) {
    Settings settings = settings_for<Squares>(source);
    settings.threads = threads;
    MadeTraining<Squares> training(settings);
    // An offset, which makes floats of all scores that lie between 2^13 and 2^14, changes no order.
    training.set("heads.logit.0.weight", {70.0f});
    training.set("heads.logit.0.bias", {threads == 1 ? 0.0f : 1e4f});
    const Evaluation evaluation = training.evaluate();
    const auto scores = evaluation.metrics[1].scores;
    ASSERT_EQ(scores.size(), 160u);
    EXPECT_TRUE(std::ranges::is_sorted(scores, {}, &Score::value));
    double wins = 0, pairs = 0;
    for (std::size_t a = 0; a < 200; ++a) {
      for (std::size_t b = 0; b < 200; ++b) {
        if (source.targets[0].labels[a] != 1 || source.targets[0].labels[b] != 0) continue;
        const int x = source.pictures[a], y = source.pictures[b];
        wins += x > y ? 1.0 : x == y ? 0.5 : 0.0;
        pairs += 1.0;
      }
    }
    for (const Metric& metric : metrics(describe<Squares>(), evaluation)) {
      if (metric.name != "answer.logit.auc") continue;
      EXPECT_NEAR(metric.value, wins / pairs, 1e-12);
      found[static_cast<std::size_t>(threads - 1)] = metric.value;
    }
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_GT(found[0], 0.0);
}

}  // namespace
}  // namespace medley::testing
