// By what the best checkpoint is chosen.
#include "medley/run/best.hpp"

#include <gtest/gtest.h>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
const std::vector<std::string> names{"total", "term.kind", "kind.accuracy", "train.auc", "auc"};

TEST(Best, NamesSayWhichWayIsBetter) {
  for (const char* name : {"a.accuracy", "a.b.balanced_accuracy", "a.f1", "a.macro_f1", "a.auc",
                           "a.mean_iou", "a.pixel_accuracy"})
    EXPECT_TRUE(more_is_better(name)) << name;
  for (const char* name : {"total", "term.kind", "a.mean_absolute_error",
                           "a.root_mean_squared_error", "term.accuracy", "accuracy"})
    EXPECT_FALSE(more_is_better(name)) << name;
}

TEST(Best, ACriterionIsANumberOfASplit) {
  const auto found = [](const char* text) -> std::string {
    const auto c = find_criterion(text, names);
    return c ? std::string(to_string(c->split)) + " " + c->name + " " + to_string(*c) : "none";
  };
  EXPECT_EQ(found("total"), "validation total total");
  EXPECT_EQ(found("validation.total"), "validation total total");
  EXPECT_EQ(found("train.total"), "train total train.total");
  EXPECT_EQ(found("test.kind.accuracy"), "test kind.accuracy test.kind.accuracy");
  // A target called "train" is nearer than the split.
  EXPECT_EQ(found("train.auc"), "validation train.auc train.auc");
  for (const char* text : {"", ".", "train", "train.", ".total", "kind", "totals", "train.kind"})
    EXPECT_EQ(found(text), "none") << text;
  EXPECT_TRUE(find_criterion("kind.accuracy", names)->more_is_better);
}

TEST(Best, LaterCriteriaDecideWhereEarlierOnesTie) {
  const std::vector<Criterion> criteria{{Split::validation, "kind.accuracy", true},
                                        {Split::validation, "total", false}};
  BestSoFar best;
  const auto add = [&](std::uint64_t step, std::array<double, 2> values) {
    return best.add(step, criteria, values);
  };
  EXPECT_TRUE(add(1, {0.5, 3.0}));
  EXPECT_FALSE(add(2, {0.5, 3.0}));
  EXPECT_EQ(best.waited, 1u);
  EXPECT_FALSE(add(3, {0.4, 1.0}));
  EXPECT_EQ(best.waited, 2u);
  EXPECT_TRUE(add(4, {0.5, 2.0}));
  EXPECT_EQ(best.waited, 0u);
  EXPECT_EQ(best.step, 4u);
  EXPECT_TRUE(add(5, {0.6, 9.0}));
  EXPECT_EQ(best.value[1], 9.0);
}

TEST(Best, WhatIsNoNumberIsNeverTheBest) {
  const std::vector<Criterion> criteria{{Split::validation, "total", false},
                                        {Split::validation, "kind.accuracy", true}};
  BestSoFar best;
  const auto add = [&](std::array<double, 2> values) { return best.add(7, criteria, values); };
  for (const double x : {none, infinity, -infinity}) EXPECT_FALSE(add({x, 1.0})) << x;
  EXPECT_EQ(best.step, 0u);
  EXPECT_EQ(best.waited, 3u);
  EXPECT_TRUE(add({1.0, none}));
  EXPECT_EQ(best.value[1], -infinity);
  EXPECT_FALSE(add({1.0, none}));
  EXPECT_TRUE(add({1.0, 0.0}));
  EXPECT_FALSE(add({none, 1.0}));
}

}  // namespace
}  // namespace medley
