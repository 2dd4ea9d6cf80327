// Losses and penalties: values against references of another formulation in double precision,
// gradients against central differences of those references, both against PyTorch, and what a loss
// must do with missing targets, extreme logits and NaN.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "tests/loss_harness.hpp"

namespace medley::testing {
namespace {

// --- references: whole-batch formulas on [rows][channels], in double -----------------------------

double reference(const SoftmaxCrossEntropy& loss, const Batch& batch) {
  xt::xtensor<double, 1> w = xt::zeros<double>({batch.channels()});
  for (int c = 0; c < batch.channels(); ++c) w(c) = loss.class_weights[c];
  const Matrix hot = one_hot(batch) * w, surprise = -xt::log(softmax(known(batch, batch.x)));
  const double chosen = xt::sum(hot * surprise)(), every = xt::sum(surprise * w)();
  return ((1.0 - loss.smoothing) * chosen + loss.smoothing / batch.channels() * every) /
         xt::sum(hot)();
}
double reference(const BinaryCrossEntropy& loss, const Batch& batch) {
  const Matrix t = known(batch, batch.value), p = 1.0 / (1.0 + xt::exp(-known(batch, batch.x)));
  return xt::mean(-(loss.positive_weight * t * xt::log(p) + (1.0 - t) * xt::log(1.0 - p)))();
}
// The margins of all classes; that of the label itself is the constant margin.
Matrix hinge_margins(const Hinge& loss, const Batch& batch) {
  const Matrix x = known(batch, batch.x);
  const xt::xtensor<double, 1> chosen = xt::sum(x * one_hot(batch), {1});
  return loss.margin + x - xt::view(chosen, xt::all(), xt::newaxis());
}
double reference(const Hinge& loss, const Batch& batch) {
  const xt::xtensor<double, 1> rows =
      xt::sum(xt::maximum(hinge_margins(loss, batch), 0.0), {1}) - loss.margin;
  return xt::mean(rows)() / batch.channels();
}
Matrix hinge_margins(const BinaryHinge& loss, const Batch& batch) {
  const Matrix t = known(batch, batch.value), x = known(batch, batch.x);
  return loss.margin + xt::where(t > 0.5, -x, x);
}
double reference(const BinaryHinge& loss, const Batch& batch) {
  return xt::mean(xt::maximum(hinge_margins(loss, batch), 0.0))();
}
// 1 - IoU of fuzzy sets: the union of a pixel is 1 - (1 - p)(1 - t).
double mean_distance(const Matrix& p, const Matrix& t, double epsilon) {
  const xt::xtensor<double, 1> both = xt::sum(p * t, {0});
  const xt::xtensor<double, 1> either = xt::sum(1.0 - (1.0 - p) * (1.0 - t), {0});
  return xt::mean((either - both) / (either + epsilon))();
}
double reference(const SoftIou& loss, const Batch& batch) {
  const Matrix p = 1.0 / (1.0 + xt::exp(-known(batch, batch.x)));
  return mean_distance(p, known(batch, batch.value), loss.epsilon);
}
double reference(const MulticlassSoftIou& loss, const Batch& batch) {
  return mean_distance(softmax(known(batch, batch.x)), one_hot(batch), loss.epsilon);
}
double reference(const MeanSquaredError&, const Batch& batch) {
  return xt::mean(xt::square(known(batch, batch.x - batch.value)))();
}

template <class L>
void avoid_kinks(const L&, Batch&) {}
// Moves rows until no margin is closer to its kink than the differences reach.
template <class L>
requires requires(const L& loss, const Batch& batch) { hinge_margins(loss, batch); }
void avoid_kinks(const L& loss, Batch& batch) {
  while (xt::amin(xt::abs(hinge_margins(loss, batch)))() < 1e-3) batch.x *= 1.0078125;
}

template <int C, class L>
void expect_reference(const L& loss, int rows, bool soft = false) {
  Batch batch = make_batch(rows, C, static_cast<std::uint64_t>(100 * rows + C), soft);
  avoid_kinks(loss, batch);
  expect_formula<C>(loss, batch, [&](const Batch& b) { return reference(loss, b); });
}

template <class L>
void expect_references(const L& loss, bool soft = false) {
  constexpr int least = L::compares == Compares::labels ? 2 : 1;
  for_channels<least>([&](auto channels) {
    for (const int rows : {1, 15, 16, 17, 70}) expect_reference<channels()>(loss, rows, soft);
  });
}

ClassWeights first_weights(int count) {
  constexpr double some[] = {0.5, 2.0, 1.25, 3.0};
  ClassWeights weights;
  if (count == 2) weights = {some[0], some[1]};
  if (count == 5) weights = {some[0], some[1], some[2], some[3], 0.75};
  return weights;
}

TEST(Loss, SoftmaxCrossEntropyAgreesWithItsReference) {
  expect_references(SoftmaxCrossEntropy{});
  expect_references(SoftmaxCrossEntropy{.smoothing = 0.1});
}

TEST(Loss, ClassWeightsAgreeWithTheirReference) {
  for (const double smoothing : {0.0, 0.2}) {
    for (const int rows : {1, 16, 17, 70}) {
      expect_reference<2>(SoftmaxCrossEntropy{smoothing, first_weights(2)}, rows);
      expect_reference<5>(SoftmaxCrossEntropy{smoothing, first_weights(5)}, rows);
    }
  }
}

TEST(Loss, BinaryCrossEntropyAgreesWithItsReference) {
  expect_references(BinaryCrossEntropy{});
  expect_references(BinaryCrossEntropy{.positive_weight = 3.5}, true);
}

TEST(Loss, HingeAgreesWithItsReference) {
  expect_references(Hinge{});
  expect_references(Hinge{.margin = 0.25});
}

TEST(Loss, BinaryHingeAgreesWithItsReference) {
  expect_references(BinaryHinge{});
  expect_references(BinaryHinge{.margin = 2.0});
}

TEST(Loss, SoftIouAgreesWithItsReference) {
  expect_references(SoftIou{});
  expect_references(SoftIou{.epsilon = 1e-3});
}

TEST(Loss, MulticlassSoftIouAgreesWithItsReference) {
  expect_references(MulticlassSoftIou{});
  expect_references(MulticlassSoftIou{.epsilon = 0.01});
}

TEST(Loss, MeanSquaredErrorAgreesWithItsReference) { expect_references(MeanSquaredError{}, true); }

// --- PyTorch -------------------------------------------------------------------------------------

ClassWeights golden_weights(const nlohmann::json& list) {
  if (list.size() == 4) return {list[0], list[1], list[2], list[3]};
  if (list.size() == 3) return {list[0], list[1], list[2]};
  EXPECT_EQ(list.size(), 0u);
  return {};
}

// Finds the loss that a case names, and the compiled number of channels it needs.
template <int C>
void run_golden(const nlohmann::json& test) {
  const std::string name = test["loss"];
  const nlohmann::json& options = test["options"];
  if (name == MeanSquaredError::type) return expect_golden<C>(MeanSquaredError{}, test);
  if (name == BinaryHinge::type) return expect_golden<C>(BinaryHinge{options["margin"]}, test);
  if (name == SoftIou::type) return expect_golden<C>(SoftIou{options["epsilon"]}, test);
  if (name == BinaryCrossEntropy::type) {
    return expect_golden<C>(BinaryCrossEntropy{options["positive_weight"]}, test);
  }
  if constexpr (C >= 2) {
    if (name == Hinge::type) return expect_golden<C>(Hinge{options["margin"]}, test);
    if (name == MulticlassSoftIou::type) {
      return expect_golden<C>(MulticlassSoftIou{options["epsilon"]}, test);
    }
    if (name == SoftmaxCrossEntropy::type) {
      return expect_golden<C>(
          SoftmaxCrossEntropy{options["smoothing"], golden_weights(options["class_weights"])},
          test);
    }
  }
  FAIL() << "no loss is called " << name;
}

TEST(Loss, AgreesWithPyTorch) {
  const nlohmann::json all = golden("losses.json");
  ASSERT_EQ(all["losses"].size(), 16u);
  for (const auto& test : all["losses"]) {
    SCOPED_TRACE(test["loss"].get<std::string>() + " " + test["options"].dump());
    with_channels(std::integer_sequence<int, 1, 2, 3, 4, 5, 6, 7, 9>{}, test,
                  [&](auto channels) { run_golden<channels()>(test); });
  }
}

TEST(Penalty, AgreesWithPyTorch) {
  const nlohmann::json all = golden("losses.json");
  ASSERT_EQ(all["penalties"].size(), 2u);
  for (const auto& test : all["penalties"]) {
    std::vector<float> w = test["weights"].get<std::vector<float>>(), gradient(32);
    w.resize(32);  // zeros cost nothing and have no derivative
    float value = 0.0f;
    for (int i = 0; i < 32; i += 16) {
      const Vec v = Vec::load(&w[i]);
      const bool l1 = test["penalty"] == L1Penalty::type;
      EXPECT_TRUE(l1 || test["penalty"] == L2Penalty::type);
      value += sum(l1 ? L1Penalty::value(v) : L2Penalty::value(v));
      (l1 ? L1Penalty::derivative(v) : L2Penalty::derivative(v)).store(&gradient[i]);
    }
    EXPECT_NEAR(value, test["value"].get<double>(), 1e-6 * test["value"].get<double>());
    for (std::size_t i = 0; i < 32; ++i) {
      const double expected = i < 20 ? test["gradient"][i].get<double>() : 0.0;
      EXPECT_NEAR(gradient[i], expected, 1e-7 * std::fabs(expected));
    }
  }
}

TEST(Penalty, DerivativeIsThatOfTheValue) {
  Numbers number(7);
  for (int round = 0; round < 20; ++round) {
    const double w = number(-2.0, 2.0);
    if (std::fabs(w) < 1e-2) continue;  // the kink of |w|
    const Vec v = Vec::broadcast(static_cast<float>(w));
    const auto slope = [&](auto f) { return (f(w + 1e-4) - f(w - 1e-4)) / 2e-4; };
    EXPECT_NEAR(L1Penalty::derivative(v).lanes()[3], slope([](double x) { return std::fabs(x); }),
                1e-6);
    EXPECT_NEAR(L2Penalty::derivative(v).lanes()[3], slope([](double x) { return x * x; }), 1e-6);
  }
}

TEST(Penalty, NotANumberIsNotHidden) {
  const Vec v = Vec::broadcast(nan);
  EXPECT_TRUE(std::isnan(L1Penalty::value(v).lanes()[0]));
  EXPECT_TRUE(std::isnan(L1Penalty::derivative(v).lanes()[0]));
  EXPECT_TRUE(std::isnan(L2Penalty::value(v).lanes()[0]));
  EXPECT_TRUE(std::isnan(L2Penalty::derivative(v).lanes()[0]));
}

// --- what holds for every loss -------------------------------------------------------------------

const std::tuple every_loss{
    SoftmaxCrossEntropy{},
    SoftmaxCrossEntropy{.smoothing = 0.1, .class_weights = {1.0, 2.0, 0.5}},
    BinaryCrossEntropy{.positive_weight = 2.0},
    Hinge{},
    BinaryHinge{},
    SoftIou{},
    MulticlassSoftIou{},
    MeanSquaredError{},
};
template <class F>
void for_every_loss(F f) {
  std::apply([&](const auto&... loss) { (f(loss), ...); }, every_loss);
}

TEST(Loss, OneNotANumberAnywhereShows) {
  for_every_loss([](const auto& loss) { expect_one_nan_anywhere_shows(loss); });
}

TEST(Loss, RowsWithoutTargetCountForNothing) {
  for_every_loss([](const auto& loss) { expect_rows_without_target_count_for_nothing(loss); });
}

TEST(Loss, NothingLabelledIsZero) {
  for_every_loss([](const auto& loss) { expect_nothing_labelled_is_zero(loss); });
}

TEST(Loss, BitsAreTheSameEverywhere) {
  const std::uint64_t found =
      std::apply([](const auto&... loss) { return digest_of(loss...); }, every_loss);
  EXPECT_EQ(found, 0x2BCB5660C7C2ECA4u) << std::hex << found;
}

// --- single losses -------------------------------------------------------------------------------

TEST(Loss, SoftmaxCrossEntropyStandsExtremeLogits) {
  for (const double size : {100.0, 1e4, 1e30}) {
    const Outcome wrong = run_row<3>(SoftmaxCrossEntropy{}, {size, -size, 0.0}, 1);
    EXPECT_NEAR(wrong.value, 2.0 * size, 1e-6 * size);
    EXPECT_NEAR(wrong.gradient(1, 0), 1.0, 1e-6);
    EXPECT_NEAR(wrong.gradient(1, 1), -1.0, 1e-6);
    const Outcome right = run_row<3>(SoftmaxCrossEntropy{}, {size, -size, 0.0}, 0);
    EXPECT_NEAR(right.value, 0.0, 1e-30);
  }
}

TEST(Loss, BinaryCrossEntropyStandsExtremeLogits) {
  for (const double size : {100.0, 1e4, 1e30}) {
    const Outcome wrong = run_row<1>(BinaryCrossEntropy{}, {size}, 0, 0.0);
    EXPECT_NEAR(wrong.value, size, 1e-6 * size);
    EXPECT_NEAR(wrong.gradient(1, 0), 1.0, 1e-6);
    const Outcome right = run_row<1>(BinaryCrossEntropy{}, {-size}, 0, 0.0);
    EXPECT_NEAR(right.value, 0.0, 1e-30);
  }
  // The small loss of a sure answer keeps its digits.
  EXPECT_NEAR(run_row<1>(BinaryCrossEntropy{}, {-30.0}, 0, 0.0).value / std::exp(-30.0), 1.0, 1e-6);
}

TEST(Loss, HingeHasNoSlopeAtItsKink) {
  const Outcome outcome = run_row<3>(Hinge{}, {2.0, 1.0, 1.5}, 0);
  EXPECT_EQ(outcome.value, 0.5f / 3.0f);
  EXPECT_EQ(outcome.gradient(1, 1), 0.0);  // exactly on the margin
  EXPECT_NEAR(outcome.gradient(1, 2), 1.0 / 3.0, 1e-6);
  EXPECT_NEAR(outcome.gradient(1, 0), -1.0 / 3.0, 1e-6);
  EXPECT_EQ(run_row<1>(BinaryHinge{}, {1.0}, 0, 1.0).gradient(1, 0), 0.0);
}

TEST(Loss, SoftIouOfALargePictureIsExact) {
  Batch picture = make_batch(512 * 512, 1, 16);
  for (int r = 0; r < picture.rows(); ++r) picture.value(r, 0) = r % 512 < 200;
  const Outcome outcome = run<1>(SoftIou{}, picture);
  EXPECT_NEAR(outcome.value, reference(SoftIou{}, picture), 5e-7);
}

TEST(Loss, SoftIouOfAnEmptyMaskIsDefined) {
  Batch picture = make_batch(64, 1, 17);
  picture.x.fill(-100.0);
  picture.value.fill(0.0);
  EXPECT_NEAR(run<1>(SoftIou{}, picture).value, 0.0, 1e-6);
}

TEST(Loss, ValidKnowsWhatFitsTheHead) {
  static_assert(SoftmaxCrossEntropy{}.valid(2) && !SoftmaxCrossEntropy{}.valid(1));
  static_assert(SoftmaxCrossEntropy{.class_weights = {1, 2, 3}}.valid(3));
  static_assert(!SoftmaxCrossEntropy{.class_weights = {1, 2, 3}}.valid(4));
  static_assert(!SoftmaxCrossEntropy{.class_weights = {1, 0}}.valid(2));
  static_assert(!SoftmaxCrossEntropy{.smoothing = 1.0}.valid(2));
  static_assert(!SoftmaxCrossEntropy{.smoothing = -0.1}.valid(2));
  static_assert(!BinaryCrossEntropy{.positive_weight = 0.0}.valid(1));
  static_assert(!Hinge{}.valid(1) && !Hinge{.margin = 0.0}.valid(2));
  static_assert(!BinaryHinge{.margin = -1.0}.valid(1));
  static_assert(!SoftIou{.epsilon = 0.0}.valid(1) && !MulticlassSoftIou{}.valid(1));
  static_assert(dense_only<SoftIou> && dense_only<MulticlassSoftIou> && !dense_only<Hinge>);
  static_assert(SummedLoss<SoftIou, 2> && SummedLoss<MulticlassSoftIou, 3> &&
                !SummedLoss<Hinge, 3>);
}

TEST(Loss, OptionsReportEveryNumber) {
  std::vector<std::pair<std::string, double>> found;
  SoftmaxCrossEntropy{.smoothing = 0.1, .class_weights = {1, 2.5}}.options(
      [&](std::string_view name, double value) { found.emplace_back(name, value); });
  const std::vector<std::pair<std::string, double>> expected = {
      {"smoothing", 0.1}, {"class_weight.0", 1.0}, {"class_weight.1", 2.5}};
  EXPECT_EQ(found, expected);
}

TEST(Loss, RecordsWeighAsTheirClass) {
  constexpr SoftmaxCrossEntropy weighted{.class_weights = {1.0, 2.5}};
  EXPECT_EQ(record_weight(weighted, 1), 2.5f);
  EXPECT_EQ(record_weight(SoftmaxCrossEntropy{}, 1), 1.0f);
  EXPECT_EQ(record_weight(Hinge{}, 1), 1.0f);
}

}  // namespace
}  // namespace medley::testing
