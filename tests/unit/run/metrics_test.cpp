// Metrics against values computed by hand, against definitions spelled out record by record, and,
// for the area under the curve, against counting pairs and scikit-learn (tests/golden/metrics.py).
#include "medley/run/metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "description_helpers.hpp"
#include "medley/base/random.hpp"
#include "medley/base/text.hpp"
#include "medley/engine/counting.hpp"

namespace medley {
namespace {

using Counts = std::vector<std::uint64_t>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Description describe(TargetKind kind, int size) {
  Description d;
  d.targets = {{"t", kind, size, kind == TargetKind::classes}};  // in an order
  add_metric(d, "h", "t");
  return d;
}

std::map<std::string, Metric> measured(const Description& d, const MetricCounts& counts) {
  Evaluation evaluation;
  evaluation.metrics[0] = counts;
  std::map<std::string, Metric> found;
  for (const Metric& metric : metrics(d, evaluation)) found.emplace(metric.name, metric);
  return found;
}

std::map<std::string, Metric> labels(const Counts& confusion, int classes) {
  return measured(describe(TargetKind::classes, classes), {.confusion = confusion, .scores = {}});
}

std::map<std::string, Metric> mask(const Counts& confusion, int classes) {
  return measured(describe(TargetKind::mask, classes), {.confusion = confusion, .scores = {}});
}

// Errors 1, -2, 3.
MetricCounts three_errors() {
  MetricCounts counts;
  counts.absolute_error = 6.0;
  counts.squared_error = 14.0;
  counts.count = 3;
  return counts;
}

// Of records in any order, some without a label.
Metric auc_of(std::vector<Score> records) {
  const Counts confusion(4);
  return measured(describe(TargetKind::classes, 2),
                  {.confusion = confusion, .scores = sorted_scores(records)})
      .at("t.auc");
}

// --- by hand -------------------------------------------------------------------------------------

TEST(Metrics, TwoClassesByHand) {
  // 6 true negatives, 2 false positives, 1 false negative, 3 true positives.
  const auto m = labels({6, 2, 1, 3}, 2);
  EXPECT_EQ(m.size(), 4u);
  EXPECT_DOUBLE_EQ(m.at("t.accuracy").value, 9.0 / 12.0);
  EXPECT_DOUBLE_EQ(m.at("t.accuracy").error, std::sqrt(0.75 * 0.25 / 12.0));
  EXPECT_DOUBLE_EQ(m.at("t.balanced_accuracy").value, (6.0 / 8.0 + 3.0 / 4.0) / 2.0);
  EXPECT_DOUBLE_EQ(m.at("t.balanced_accuracy").error,
                   std::sqrt(0.75 * 0.25 / 8.0 + 0.75 * 0.25 / 4.0) / 2.0);
  EXPECT_DOUBLE_EQ(m.at("t.f1").value, 2.0 * 3.0 / (2.0 * 3.0 + 2.0 + 1.0));
  EXPECT_TRUE(std::isnan(m.at("t.f1").error));
}

TEST(Metrics, ThreeClassesByHand) {
  // Class 1 occurs but is never predicted; class 2 is predicted only.
  const auto m = labels({4, 0, 1, 2, 0, 0, 0, 0, 0}, 3);
  EXPECT_EQ(m.size(), 4u);
  EXPECT_DOUBLE_EQ(m.at("t.accuracy").value, 4.0 / 7.0);
  EXPECT_DOUBLE_EQ(m.at("t.balanced_accuracy").value, (4.0 / 5.0 + 0.0) / 2.0);
  EXPECT_DOUBLE_EQ(m.at("t.macro_f1").value, (8.0 / 11.0 + 0.0 + 0.0) / 3.0);
  EXPECT_DOUBLE_EQ(m.at("t.mean_absolute_error").value, (1 * 2.0 + 2 * 1.0) / 7.0);
  // Distances 0 0 0 0 2 1 1: sum of squares about the mean 24/7 - ... by the textbook.
  const double mean = 4.0 / 7.0,
               squares = 4 * mean * mean + (2 - mean) * (2 - mean) + 2 * (1 - mean) * (1 - mean);
  EXPECT_NEAR(m.at("t.mean_absolute_error").error, std::sqrt(squares / 6.0 / 7.0), 1e-15);
}

TEST(Metrics, MasksByHand) {
  // Class 2 neither occurs nor is predicted and does not count.
  const auto m = mask({50, 10, 0, 5, 35, 0, 0, 0, 0}, 3);
  EXPECT_EQ(m.size(), 2u);
  EXPECT_DOUBLE_EQ(m.at("t.mean_iou").value, (50.0 / 65.0 + 35.0 / 50.0) / 2.0);
  EXPECT_DOUBLE_EQ(m.at("t.pixel_accuracy").value, 0.85);
  EXPECT_TRUE(std::isnan(m.at("t.pixel_accuracy").error));
}

TEST(Metrics, ValuesByHand) {
  const MetricCounts counts = three_errors();
  const auto m = measured(describe(TargetKind::values, 1), counts);
  EXPECT_EQ(m.size(), 2u);
  EXPECT_DOUBLE_EQ(m.at("t.mean_absolute_error").value, 2.0);
  EXPECT_DOUBLE_EQ(m.at("t.mean_absolute_error").error, std::sqrt(1.0 / 3.0));
  EXPECT_DOUBLE_EQ(m.at("t.root_mean_squared_error").value, std::sqrt(14.0 / 3.0));
  const auto pair = measured(describe(TargetKind::values, 2), counts);
  EXPECT_TRUE(std::isnan(pair.at("t.mean_absolute_error").error));  // not independent
}

TEST(Metrics, WithoutRecordsNothingIsDefined) {
  const Counts zero(9);
  std::vector<std::map<std::string, Metric>> all{
      labels(zero, 3), mask(zero, 3), measured(describe(TargetKind::values, 1), {}),
      measured(describe(TargetKind::classes, 2),
               {.confusion = std::span(zero).first(4), .scores = {}})};
  for (const auto& found : all) {
    for (const auto& [name, metric] : found) {
      EXPECT_TRUE(std::isnan(metric.value)) << name << " " << metric.value;
      EXPECT_TRUE(std::isnan(metric.error)) << name << " " << metric.error;
    }
  }
}

// --- record by record ----------------------------------------------------------------------------

struct Pair {
  int label, prediction;
};

std::vector<Pair> random_pairs(int classes, int count, std::uint32_t seed) {
  const RandomStream stream(seed, Purpose::augmentation, 0, 0);
  std::vector<Pair> pairs;
  for (int i = 0; i < count; ++i) {
    const auto bits = stream.draw(static_cast<std::uint32_t>(i));
    // Not all classes occur.
    const int label = static_cast<int>(bounded(bits[0], static_cast<std::uint32_t>(classes - 1)));
    const int other = static_cast<int>(bounded(bits[1], static_cast<std::uint32_t>(classes)));
    pairs.push_back({label, bounded(bits[2], 3) == 0 ? other : label});
  }
  return pairs;
}

Counts count(const std::vector<Pair>& pairs, int classes) {
  Counts counts(static_cast<std::size_t>(classes * classes));
  for (const Pair& p : pairs) ++counts[static_cast<std::size_t>(p.label * classes + p.prediction)];
  return counts;
}

// Records for which f holds.
template <class F>
double number(const std::vector<Pair>& pairs, F f) {
  return static_cast<double>(std::count_if(pairs.begin(), pairs.end(), f));
}

TEST(Metrics, AgreeWithTheDefinitionsRecordByRecord) {
  for (const int classes : {3, 5, 14}) {
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
      const auto pairs = random_pairs(classes, 1 + static_cast<int>(seed) * 7, seed);
      const auto n = static_cast<double>(pairs.size());
      std::set<int> occur, either;
      for (const Pair& p : pairs) {
        occur.insert(p.label);
        either.insert({p.label, p.prediction});
      }
      double recalls = 0, f1s = 0, ious = 0, distance = 0;
      for (const int c : occur) {
        recalls += number(pairs, [&](const Pair& p) { return p.label == c && p.prediction == c; }) /
                   number(pairs, [&](const Pair& p) { return p.label == c; });
      }
      for (const int c : either) {
        const double both =
            number(pairs, [&](const Pair& p) { return p.label == c && p.prediction == c; });
        const double one =
            number(pairs, [&](const Pair& p) { return (p.label == c) != (p.prediction == c); });
        f1s += both / (both + one / 2.0);
        ious += both / (both + one);
      }
      for (const Pair& p : pairs) distance += std::abs(p.label - p.prediction);
      const double right = number(pairs, [](const Pair& p) { return p.label == p.prediction; });

      const Counts counts = count(pairs, classes);
      const auto l = labels(counts, classes);
      EXPECT_NEAR(l.at("t.accuracy").value, right / n, 1e-12);
      EXPECT_NEAR(l.at("t.balanced_accuracy").value, recalls / static_cast<double>(occur.size()),
                  1e-12);
      EXPECT_NEAR(l.at("t.macro_f1").value, f1s / static_cast<double>(either.size()), 1e-12);
      EXPECT_NEAR(l.at("t.mean_absolute_error").value, distance / n, 1e-12);
      const auto m = mask(counts, classes);
      EXPECT_NEAR(m.at("t.mean_iou").value, ious / static_cast<double>(either.size()), 1e-12);
      EXPECT_NEAR(m.at("t.pixel_accuracy").value, right / n, 1e-12);
    }
  }
}

// --- area under the curve ------------------------------------------------------------------------

TEST(Auc, EqualsCountingPairs) {
  for (const std::uint32_t steps : {1u, 3u, 50u, 100'000u}) {
    const RandomStream stream(steps, Purpose::augmentation, 0, 0);
    std::vector<Score> records;
    for (std::uint32_t i = 0; i < 300; ++i) {
      const auto bits = stream.draw(i);
      const int label = bounded(bits[0], 3) == 0;
      const std::uint32_t most =
          std::max(bounded(bits[1], steps), label ? bounded(bits[2], steps) : 0);
      records.push_back({static_cast<float>(most) - 20.0f, i % 7 == 0 ? -1 : label});
    }
    double wins = 0, pairs = 0;
    for (const Score& a : records) {
      for (const Score& b : records) {
        if (a.label != 1 || b.label != 0) continue;
        wins += a.value > b.value ? 1.0 : a.value == b.value ? 0.5 : 0.0;
        pairs += 1.0;
      }
    }
    EXPECT_NEAR(auc_of(records).value, wins / pairs, 1e-12) << steps;
  }
}

TEST(Auc, AgreesWithScikitLearn) {
  std::ifstream file("tests/golden/metrics.json");
  ASSERT_TRUE(file) << "tests run from the project's folder, where tests/golden/metrics.json is";
  const nlohmann::json all = nlohmann::json::parse(file);
  ASSERT_EQ(all["auc"].size(), 12u);
  for (const auto& test : all["auc"]) {
    const auto scores = test["scores"].get<std::vector<float>>();
    const auto known = test["labels"].get<std::vector<int>>();
    std::vector<Score> records;
    for (std::size_t i = 0; i < scores.size(); ++i) records.push_back({scores[i], known[i]});
    EXPECT_NEAR(auc_of(records).value, test["auc"].get<double>(), 1e-12) << test["name"];
  }
}

TEST(Auc, IsNotDefinedWhereAScoreIsNotANumber) {
  constexpr float bad = std::numeric_limits<float>::quiet_NaN();
  for (const float sign : {1.0f, -1.0f}) {
    EXPECT_TRUE(std::isnan(auc_of({{0, 0}, {sign * bad, 1}, {2, 1}, {-1, 0}}).value));
  }
  EXPECT_EQ(auc_of({{0, 0}, {bad, -1}, {2, 1}}).value, 1.0);  // one without a label
  constexpr float infinite = std::numeric_limits<float>::infinity();
  EXPECT_EQ(auc_of({{infinite, 1}, {-infinite, 0}, {0, 0}}).value, 1.0);
}

TEST(Auc, Extremes) {
  EXPECT_EQ(auc_of({{0, 0}, {1, 0}, {2, 1}, {1e30f, 1}}).value, 1.0);
  EXPECT_EQ(auc_of({{0, 0}, {1, 0}, {2, 1}, {3, 1}}).error, 0.0);
  EXPECT_EQ(auc_of({{5, 1}, {6, 0}}).value, 0.0);
  EXPECT_EQ(auc_of({{5, 1}, {5, 0}, {5, 0}}).value, 0.5);
  EXPECT_TRUE(std::isnan(auc_of({{5, 1}, {7, 1}}).value));
  EXPECT_TRUE(std::isnan(auc_of({{5, 0}}).error));
}

// Ratings of 58 normal and 51 abnormal pictures in Hanley and McNeil, Radiology 143 (1982), table
// I: area 0.893, standard error 0.032.
TEST(Auc, StandardErrorOfHanleyAndMcNeil) {
  constexpr int normal[] = {33, 6, 6, 11, 2}, abnormal[] = {3, 2, 2, 11, 33};
  std::vector<Score> records;
  for (int rating = 0; rating < 5; ++rating) {
    const auto value = static_cast<float>(rating);
    records.insert(records.end(), static_cast<std::size_t>(normal[rating]), {value, 0});
    records.insert(records.end(), static_cast<std::size_t>(abnormal[rating]), {value, 1});
  }
  EXPECT_NEAR(auc_of(records).value, 0.893, 0.0005);
  EXPECT_NEAR(auc_of(records).error, 0.032, 0.0005);
}

// --- names and tables ----------------------------------------------------------------------------

TEST(Metrics, NamesTellTargetAndHead) {
  Description d;
  d.targets = {{"colour", TargetKind::classes, 3},
               {"kids", TargetKind::classes, 2},
               {"grade", TargetKind::classes, 3, true}};
  add_metric(d, "main", "colour");
  add_metric(d, "kids", "kids");
  add_metric(d, "side", "colour");
  add_metric(d, "grade", "grade");
  const std::vector<std::string> names = metric_names(d);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "colour.main.accuracy", "colour.main.balanced_accuracy",
                       "colour.main.macro_f1", "kids.accuracy", "kids.balanced_accuracy", "kids.f1",
                       "kids.auc", "colour.side.accuracy", "colour.side.balanced_accuracy",
                       "colour.side.macro_f1", "grade.accuracy", "grade.balanced_accuracy",
                       "grade.macro_f1", "grade.mean_absolute_error"}));
  EXPECT_EQ(metric_prefix(d, 1), "kids");
  EXPECT_EQ(metric_prefix(d, 2), "colour.side");
}

TEST(Metrics, OneOfEachHeadAndTargetComesFirst) {
  Description d;
  d.targets = {{"colour", TargetKind::classes, 3},
               {"kids", TargetKind::classes, 2},
               {"mask", TargetKind::mask, 2},
               {"place", TargetKind::values, 2}};
  for (const char* target : {"colour", "kids", "mask", "place"}) add_metric(d, target, target);
  const std::vector<std::string> names = metric_names(d);
  std::vector<std::string> main;
  for (const std::size_t i : main_metrics(d)) main.push_back(names[i]);
  EXPECT_EQ(main, (std::vector<std::string>{"colour.accuracy", "kids.accuracy", "mask.mean_iou",
                                            "place.mean_absolute_error"}));
}

TEST(Metrics, ValuesAreThoseOfTheList) {
  Description d;
  d.targets = {{"a", TargetKind::classes, 2}, {"b", TargetKind::values, 1}};
  add_metric(d, "a", "a");
  add_metric(d, "b", "b");
  const Counts confusion{6, 2, 1, 3};
  const std::array<Score, 2> scores{{{3.0f, 0}, {4.0f, 1}}};
  Evaluation e;
  e.metrics[0] = {.confusion = confusion, .scores = scores};
  e.metrics[1] = three_errors();
  const std::vector<Metric> list = metrics(d, e);
  std::vector<double> values(metric_names(d).size(), nan);
  metric_values(d, e, values);
  ASSERT_EQ(values.size(), list.size());
  for (std::size_t i = 0; i < list.size(); ++i) EXPECT_EQ(values[i], list[i].value) << list[i].name;
}

TEST(Metrics, ConfusionAsCsv) {
  const Counts confusion{6, 2, 1, 3};
  const MetricInfo info{.head = {}, .target = {}, .kind = TargetKind::classes, .classes = 2};
  const MetricCounts counts{.confusion = confusion, .scores = {}};
  EXPECT_EQ(confusion_csv(info, counts, {}, "\n"), "true,0,1\n0,6,2\n1,1,3\n");
  const std::vector<std::string> names{"no", "yes, or so"};
  EXPECT_EQ(confusion_csv(info, counts, names),
            "true,no,\"yes, or so\"\r\nno,6,2\r\n\"yes, or so\",1,3\r\n");
}

TEST(NumberText, ReadsBackToTheSameBits) {
  for (const double value : {0.1, 1.0 / 3.0, 1e300, 5e-324, -2.5, 123456789.0}) {
    EXPECT_EQ(std::strtod(number_text(value).c_str(), nullptr), value);
  }
  EXPECT_EQ(number_text(0.1f), "0.1");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(nan), "");
}

}  // namespace
}  // namespace medley
