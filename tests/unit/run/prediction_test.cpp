// Cells and masks of predictions, against probabilities and classes worked out by hand.
#include "medley/run/prediction.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "description_helpers.hpp"

namespace medley {
namespace {

std::string cells(const HeadPrediction& head, const std::vector<float>& outputs) {
  std::string row;
  head.append_cells(outputs, row);
  return row;
}

// One head against one target.
Description one_head(TargetKind kind, int size, const std::string& type, Shape shape) {
  Description d;
  d.targets = {{"t", kind, size}};
  add_term(d, "h", "t", type, shape);
  return d;
}

HeadPrediction classes(int size, const std::string& type, int channels,
                       std::vector<std::string> names = {}) {
  return {one_head(TargetKind::classes, size, type, {channels, 1, 1}), 0, std::move(names)};
}

using Strings = std::vector<std::string>;

TEST(HeadPrediction, SoftmaxGivesTheProbabilityOfTheClass) {
  const auto head = classes(3, "softmax_cross_entropy", 3, {"a", "b, c", "d"});
  EXPECT_EQ(head.columns(), (Strings{"h", "h.probability"}));
  // exp(0), exp(log 6), exp(log 3) of a sum of 10.
  EXPECT_EQ(cells(head, {0.0f, std::log(6.0f), std::log(3.0f)}), ",\"b, c\",0.6");
  // Large outputs neither overflow nor vanish.
  EXPECT_EQ(cells(head, {1000.0f, -1000.0f, 1000.0f}), ",a,0.5");
  EXPECT_EQ(cells(classes(3, "softmax_cross_entropy", 3), {0, 0, 9}).substr(0, 3), ",2,");
}

TEST(HeadPrediction, SigmoidOfOneOutput) {
  const auto head = classes(2, "binary_cross_entropy", 1, {"no", "yes"});
  EXPECT_EQ(cells(head, {std::log(3.0f)}), ",yes,0.75");
  EXPECT_EQ(cells(head, {-std::log(3.0f)}), ",no,0.75");
  EXPECT_EQ(cells(head, {0.0f}), ",no,0.5");  // class 1 where the output is positive
}

TEST(HeadPrediction, SigmoidOfSeveralOutputs) {
  EXPECT_EQ(cells(classes(3, "binary_cross_entropy", 3), {-9.0f, std::log(3.0f), 0.0f}), ",1,0.75");
}

TEST(HeadPrediction, ProbabilitiesAndLogOddsOfAnyClass) {
  const auto softmax = classes(3, "softmax_cross_entropy", 3),
             one = classes(2, "binary_cross_entropy", 1),
             each = classes(3, "binary_cross_entropy", 3);
  const std::vector<float> outputs{0.0f, std::log(6.0f), std::log(3.0f)}, logit{std::log(3.0f)},
      large{100.0f, 0.0f, -50.0f};
  EXPECT_NEAR(softmax.probability(outputs, 2), 0.3, 1e-7);
  EXPECT_NEAR(softmax.log_odds(outputs, 2), std::log(0.3 / 0.7), 1e-7);
  EXPECT_NEAR(softmax.log_odds(large, 0), 100.0, 1e-12);  // 1 as a probability
  EXPECT_NEAR(softmax.log_odds(large, 2), -150.0, 1e-12);
  EXPECT_NEAR(one.probability(logit, 0), 0.25, 1e-7);
  EXPECT_NEAR(one.log_odds(logit, 0), -std::log(3.0), 1e-7);
  EXPECT_NEAR(each.probability(logit, 0), 0.75, 1e-7);
  EXPECT_NEAR(each.log_odds(outputs, 1), std::log(6.0), 1e-7);
  EXPECT_TRUE(std::isnan(one.probability(std::vector<float>{std::nanf("")}, 1)));
}

TEST(HeadPrediction, HingeHasNoProbability) {
  const auto head = classes(3, "hinge", 3);
  EXPECT_EQ(head.columns(), (Strings{"h", "h.score"}));
  EXPECT_EQ(cells(head, {1.0f, 0.5f, 2.25f}), ",2,1.25");
  EXPECT_EQ(cells(classes(2, "binary_hinge", 1), {-1.5f}), ",0,1.5");
}

TEST(HeadPrediction, LeastSquaresPartAtOneHalf) {
  const auto one = classes(2, "mean_squared_error", 1, {"no", "yes"});
  EXPECT_EQ(one.columns(), (Strings{"h", "h.score"}));
  EXPECT_EQ(cells(one, {0.25f}), ",no,0.25");
  EXPECT_EQ(cells(one, {0.5f}), ",no,0");
  EXPECT_EQ(cells(one, {1.5f}), ",yes,1");
  EXPECT_EQ(cells(classes(3, "mean_squared_error", 3), {-1.0f, -0.25f, -0.5f}), ",1,0.25");
  const HeadPrediction mask(one_head(TargetKind::mask, 2, "mean_squared_error", {1, 2, 2}), 0, {});
  EXPECT_EQ(mask.mask(std::vector<float>{0.25f, 0.75f, 0.5f, 2.0f}),
            (std::vector<std::uint8_t>{0, 1, 0, 1}));
}

TEST(HeadPrediction, AnyTermOfTheTargetMayGiveTheMeaning) {
  Description d = one_head(TargetKind::classes, 3, "hinge", {3, 1, 1});
  add_term(d, "h", "t", "softmax_cross_entropy", {3, 1, 1});
  EXPECT_EQ(HeadPrediction(d, 0, {}).columns()[1], "h.probability");
}

TEST(HeadPrediction, Values) {
  const HeadPrediction one(one_head(TargetKind::values, 1, "mean_squared_error", {1, 1, 1}), 0, {});
  EXPECT_EQ(one.columns(), Strings{"h"});
  EXPECT_EQ(cells(one, {0.1f}), ",0.1");
  const HeadPrediction two(one_head(TargetKind::values, 2, "mean_squared_error", {2, 1, 1}), 0, {});
  EXPECT_EQ(two.columns(), (Strings{"h.0", "h.1"}));
  EXPECT_EQ(cells(two, {-2.5f, 1e10f}), ",-2.5,1e+10");
  const HeadPrediction chance(one_head(TargetKind::values, 1, "binary_cross_entropy", {1, 1, 1}), 0,
                              {});
  EXPECT_EQ(cells(chance, {std::log(3.0f)}), ",0.75");
}

TEST(HeadPrediction, MaskOfOneOutput) {
  const HeadPrediction head(one_head(TargetKind::mask, 2, "soft_iou", {1, 2, 4}), 0,
                            {"ground", "thing"});
  EXPECT_TRUE(head.answers_mask());
  EXPECT_EQ(head.columns(), (Strings{"h.ground", "h.thing"}));
  const std::vector<float> outputs{1, -1, -1, 2, -1, 0, -1, -1};
  EXPECT_EQ(cells(head, outputs), ",0.75,0.25");
  EXPECT_EQ(head.mask(outputs), (std::vector<std::uint8_t>{1, 0, 0, 1, 0, 0, 0, 0}));
}

TEST(HeadPrediction, MaskOfSeveralOutputs) {
  const HeadPrediction head(one_head(TargetKind::mask, 3, "softmax_cross_entropy", {3, 2, 2}), 0,
                            {});
  EXPECT_EQ(head.columns(), (Strings{"h.0", "h.1", "h.2"}));
  const std::vector<float> outputs{5, 0, 0, 0, 1, 2, 0, 0, 2, 1, 3, 0};  // planes of 4 pixels
  EXPECT_EQ(head.mask(outputs), (std::vector<std::uint8_t>{0, 1, 2, 0}));
  EXPECT_EQ(cells(head, outputs), ",0.5,0.25,0.25");
}

TEST(HeadPrediction, HeadsThatNoTermTrainsAreLeftOut) {
  Description d = one_head(TargetKind::classes, 3, "hinge", {3, 1, 1});
  d.heads.insert(d.heads.begin(), {"idle", "trunk.0", {3, 1, 1}});
  d.terms[0].head_index = 1;
  const auto heads = head_predictions(d, {{"x", "y", "z"}});
  ASSERT_EQ(heads.size(), 1u);
  EXPECT_EQ(heads[0].first, 1);
  EXPECT_EQ(cells(heads[0].second, {0, 1, 0}), ",y,1");
}

}  // namespace
}  // namespace medley
