// Terms on masks: class weights, what is not labelled, over the batch and over pictures; values and
// gradients against PyTorch (tests/golden/masks.py), and with augmentation, dropout and norms.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dropout.hpp"
#include "medley/layers/norm.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "record_sums.hpp"
#include "training_harness.hpp"

namespace medley::testing {
namespace {

constexpr SoftmaxCrossEntropy weighted{.smoothing = 0.1, .class_weights = {1.0, 2.5, 0.5}};

struct Masks {
  static constexpr std::string_view name = "masks";
  static constexpr Shape input{2, 4, 5};
  static constexpr auto targets =
      std::to_array<TargetSpec>({{"parts", TargetKind::mask, 3}, {"outline", TargetKind::mask, 2}});
  using Trunk = Sequence<Conv<4>, Tanh>;
  using Heads =
      std::tuple<Head<"parts", Conv<3, 1>>, Head<"outline", Conv<1, 1>>, Head<"level", Conv<1, 1>>>;
  static constexpr auto terms = std::tuple{
      term<"weighted", "parts", "parts">(weighted),
      term<"weighted_pictures", "parts", "parts">(weighted).over_pictures(),
      term<"margins", "parts", "parts">(Hinge{}),
      term<"margins_pictures", "parts", "parts">(Hinge{}).over_pictures(),
      term<"iou", "parts", "parts">(MulticlassSoftIou{}),
      term<"iou_batch", "parts", "parts">(MulticlassSoftIou{}).over_batch(),
      term<"binary", "outline", "outline">(BinaryCrossEntropy{.positive_weight = 2.0}),
      term<"binary_pictures", "outline", "outline">(BinaryCrossEntropy{.positive_weight = 2.0})
          .over_pictures(),
      term<"soft", "outline", "outline">(SoftIou{}),
      term<"soft_batch", "outline", "outline">(SoftIou{}).over_batch(),
      term<"squares", "level", "outline">(MeanSquaredError{}),
      term<"squares_pictures", "level", "outline">(MeanSquaredError{}).over_pictures(),
  };
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 1.0});
  static constexpr Recipe recipe{.augmentation = {.flip = true, .shift = 2, .least_crop = 0.7}};
  static constexpr Memory memory{.shard = 2, .slots = 4};
};
constexpr int term_count = Definition<Masks>::term_count;

// Three groups that share the trunk, with noise and statistics; some terms need sums over the batch.
struct Noisy : Masks {
  using Trunk = Sequence<Conv<4>, GhostBatchNorm, Tanh, Dropout<30>>;
  using Heads = std::tuple<Head<"parts", Dropout<20>, Conv<3, 1>>, Head<"outline", Conv<1, 1>>>;
  static constexpr auto terms =
      std::tuple{term<"weighted", "parts", "parts">(weighted),
                 term<"iou_batch", "parts", "parts">(MulticlassSoftIou{}).over_batch(),
                 term<"soft_batch", "outline", "outline">(SoftIou{}).over_batch(),
                 term<"binary", "outline", "outline">(BinaryCrossEntropy{}).over_pictures()};
  static constexpr auto steps =
      simultaneous(group<"a", "weighted">(Sgd{.learning_rate = 0.5}),
                   group<"b", "iou_batch", "binary">(Sgd{.learning_rate = 0.5}),
                   group<"c", "soft_batch">(Sgd{.learning_rate = 0.5}));
};
struct NoisyJoint : Noisy {
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.5});
};
struct NoisyInTurn : Noisy {
  static constexpr auto steps =
      alternating(group<"a", "weighted">(Sgd{.learning_rate = 0.5}).repeated(2),
                  group<"b", "iou_batch", "binary">(Sgd{.learning_rate = 0.5}).on_next_batch(),
                  group<"c", "soft_batch">(Sgd{.learning_rate = 0.5}));
};

nlohmann::json golden() {
  std::ifstream file("tests/golden/masks.json");
  EXPECT_TRUE(file) << "tests run from the project's folder, where tests/golden/masks.json is";
  return nlohmann::json::parse(file);
}

// The pictures and partly labelled masks of the file; the third has no label at all.
MadeSource golden_source(const nlohmann::json& file) {
  MadeSource source(5, Masks::input, Masks::targets);
  source.pictures = file["pictures"].get<std::vector<std::uint8_t>>();
  source.targets[0].masks = file["masks"]["parts"].get<std::vector<std::uint8_t>>();
  source.targets[1].masks = file["masks"]["outline"].get<std::vector<std::uint8_t>>();
  return source;
}

Settings one_term(const MadeSource& source, int term) {
  Settings settings = settings_for<Masks>(source);
  settings.weight = {};
  settings.weight[static_cast<std::size_t>(term)] = 1.0;
  return settings;
}

void load(MadeTraining<Masks>& training, const nlohmann::json& file) {
  for (const auto& [name, values] : file["parameters"].items()) {
    training.set(name, values.get<std::vector<float>>());
  }
}

TEST(MaskTerms, RecordsSumUpToTheEvaluation) {
  const nlohmann::json file = golden();
  const MadeSource source = golden_source(file);
  MadeTraining<Masks> training(settings_for<Masks>(source));
  load(training, file);
  expect_records_sum_up(training);
  for (const auto& records : records_told(training))
    EXPECT_EQ(records, (std::set<std::uint64_t>{0, 1, 3, 4}));  // the third has no label
}

void expect_values_and_gradients(const nlohmann::json& file, const MadeSource& source,
                                 const nlohmann::json& terms) {
  const Description d = describe<Masks>();
  ASSERT_EQ(terms.size(), static_cast<std::size_t>(term_count));
  for (int k = 0; k < term_count; ++k) {
    const std::string& name = d.terms[static_cast<std::size_t>(k)].name;
    SCOPED_TRACE(name);
    const auto& expected = terms[name];
    MadeTraining<Masks> training(one_term(source, k));
    load(training, file);
    const Evaluation evaluation = training.evaluate();
    training.step();
    const double value = expected["value"];
    EXPECT_NEAR(training.report.value[static_cast<std::size_t>(k)], value, 1e-6);
    EXPECT_NEAR(evaluation.value[static_cast<std::size_t>(k)], value, 1e-6);
    for (const auto& [tensor, gradient] : expected["gradient"].items()) {
      SCOPED_TRACE(tensor);
      const auto before = file["parameters"][tensor].get<std::vector<double>>();
      const std::vector<float> after = training.tensor(tensor);
      for (std::size_t i = 0; i < before.size(); ++i) {
        ASSERT_NEAR(before[i] - double{after[i]}, gradient[i].get<double>(), 1e-6) << i;
      }
    }
  }
}

TEST(MaskTerms, ValuesAndGradientsAgreeWithPyTorch) {
  const nlohmann::json file = golden();
  expect_values_and_gradients(file, golden_source(file), file["terms"]);
}

TEST(MaskTerms, PicturesThatHaveWeightsAgreeWithPyTorch) {
  const nlohmann::json file = golden();
  MadeSource source = golden_source(file);
  source.weights = file["weights"].get<std::vector<float>>();
  expect_values_and_gradients(file, source, file["weighted_terms"]);
  MadeTraining<Masks> training(settings_for<Masks>(source));
  load(training, file);
  expect_records_sum_up(training);
  for (const auto& records : records_told(training))
    EXPECT_EQ(records, (std::set<std::uint64_t>{0, 1, 4}));  // no label, a weight of 0
}

TEST(MaskTerms, DefaultsAreTheBatchAndForOverlapsPictures) {
  const Description d = describe<Masks>();
  EXPECT_EQ(d.terms[0].over, "batch");
  EXPECT_EQ(d.terms[4].over, "pictures");
  EXPECT_EQ(d.terms[6].over, "batch");
  EXPECT_EQ(d.terms[8].over, "pictures");
  EXPECT_EQ(d.terms[9].over, "batch");
}

// With all weights zero each pixel's loss is the same, whatever the picture shows: so is the mean,
// but only if what it is divided by belongs to the pixels that augmentation lets in.
TEST(MaskTerms, DivideByTheLabelsThatAugmentationShows) {
  const nlohmann::json file = golden();
  MadeSource source = golden_source(file);
  for (std::uint8_t& pixel : source.targets[0].masks) pixel = pixel == 1 ? 255 : pixel;
  Settings settings = settings_for<Masks>(source);
  settings.augment = true;
  settings.learning_rate = {};
  MadeTraining<Masks> training(settings);
  for (const std::string& name : training.tensor_names()) {
    training.set(name, std::vector<float>(training.tensor(name).size(), 0.0f));
  }
  for (int epoch = 0; epoch < 8; ++epoch) {
    training.step();
    EXPECT_EQ(training.position.epoch, epoch + 1u);
    EXPECT_NEAR(training.report.value[2], 2.0 / 3.0, 1e-6);
    EXPECT_NEAR(training.report.value[3], 2.0 / 3.0, 1e-6);
    // Smoothing gives 0.1 / 3 of all class weights, 4, to each pixel; those here weigh 1 or 0.5.
    for (const std::size_t k : {0u, 1u}) {
      EXPECT_GE(training.report.value[k] / std::log(3.0), 0.9 + 0.4 / 3.0 - 1e-6);
      EXPECT_LE(training.report.value[k] / std::log(3.0), 0.9 + 0.8 / 3.0 + 1e-6);
    }
  }
}

TEST(MaskTerms, WholeMasksCountAsIfEachPixelWereAsked) {
  MadeSource source(5, Masks::input, Masks::targets);
  Settings settings = settings_for<Masks>(source);
  settings.augment = true;
  MadeTraining<Masks> asked(settings);
  asked.step(3);
  source.known_complete = true;
  MadeTraining<Masks> known(settings);
  known.step(3);
  expect_same_tensors(asked, known);
}

TEST(MaskTerms, ABatchWithoutALabelChangesNothing) {
  MadeSource source(5, Masks::input, Masks::targets);
  for (auto& target : source.targets) std::ranges::fill(target.masks, std::uint8_t{255});
  MadeTraining<Masks> fresh(settings_for<Masks>(source)), stepped(settings_for<Masks>(source));
  stepped.step(2);
  expect_same_tensors(fresh, stepped);
  const Evaluation evaluation = stepped.evaluate();
  for (std::size_t k = 0; k < static_cast<std::size_t>(term_count); ++k) {
    EXPECT_FALSE(stepped.report.measured[k]);
    EXPECT_EQ(stepped.report.value[k], 0.0);
    EXPECT_FALSE(evaluation.measured[k]);
    EXPECT_EQ(evaluation.value[k], 0.0);
  }
}

template <class Experiment>
void expect_same_bits_for_threads() {
  const MadeSource source = golden_source(golden());
  Settings settings = settings_for<Experiment>(source);
  settings.augment = true;
  settings.batch_size = 3;
  settings.clip_norm = 0.3;
  settings.threads = 1;
  MadeTraining<Experiment> one(settings);
  settings.threads = 4;
  MadeTraining<Experiment> four(settings);
  one.step(5);
  four.step(5);
  expect_same_tensors(one, four);
  EXPECT_EQ(one.report.value, four.report.value);
  EXPECT_EQ(one.evaluate().value, four.evaluate().value);
}
TEST(MaskTerms, ThreadsDoNotChangeABit) {
  expect_same_bits_for_threads<Noisy>();
  expect_same_bits_for_threads<NoisyInTurn>();
}

TEST(MaskTerms, SumsAreOfTheSameForwardPassAsTheGradient) {
  // The value along the gradient, by central differences, with the dropout of this batch.
  const MadeSource source = golden_source(golden());
  Settings settings = settings_for<NoisyJoint>(source);
  for (const std::size_t term : {1u, 2u}) {
    settings.weight = {};
    settings.weight[term] = 1.0;
    MadeTraining<NoisyJoint> training(settings);
    const auto value_at = [&](const std::string& name, std::vector<float> values) {
      Settings still = settings;
      still.learning_rate = {};
      MadeTraining<NoisyJoint> other(still);
      other.set(name, values);
      other.step();
      return other.report.value[term];
    };
    for (const std::string& name : {std::string("trunk.0.weight"), std::string("trunk.1.weight")}) {
      SCOPED_TRACE(name);
      const std::vector<float> before = MadeTraining<NoisyJoint>(settings).tensor(name);
      MadeTraining<NoisyJoint> stepped(settings);
      stepped.step();
      const std::vector<float> after = stepped.tensor(name);
      double squares = 0;
      std::vector<float> up = before, down = before;
      for (std::size_t i = 0; i < before.size(); ++i) {
        const double g = (double{before[i]} - double{after[i]}) / 0.5;
        squares += g * g;
        up[i] += static_cast<float>(0.5 * g);
        down[i] -= static_cast<float>(0.5 * g);
      }
      ASSERT_GT(squares, 1e-5);
      EXPECT_NEAR((value_at(name, up) - value_at(name, down)) / squares, 1.0, 0.02);
    }
  }
}

TEST(MaskTerms, SumsDoNotCountTwiceInRunningStatistics) {
  const MadeSource source = golden_source(golden());
  MadeTraining<NoisyJoint> training(settings_for<NoisyJoint>(source));
  Settings alone = settings_for<NoisyJoint>(source);
  MadeTraining<NoisyJoint> other(alone);
  GradientReport ignored;
  other.engine().measure_gradients(other.position, ignored);  // changes nothing
  training.step();
  other.step();
  expect_same_tensors(training, other);
  // One step moves an average from 0 by a tenth of the batch's, whose squared deviation is below 4.
  const float moved = training.tensor("trunk.1.running_var")[0];
  EXPECT_NE(moved, 1.0f);
}

TEST(MaskTerms, SimultaneousEqualsJointUnderPlainSgd) {
  const MadeSource source = golden_source(golden());
  MadeTraining<NoisyJoint> joint(settings_for<NoisyJoint>(source));
  MadeTraining<Noisy> simultaneous(settings_for<Noisy>(source));
  joint.step(3);
  simultaneous.step(3);
  for (const std::string& name : joint.tensor_names()) {
    const auto a = joint.tensor(name), b = simultaneous.tensor(name);
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-6) << name;
  }
}

}  // namespace
}  // namespace medley::testing
