// Curves and reliability, against scikit-learn (tests/golden/report.py), and thinning.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "medley/base/random.hpp"
#include "medley/report/ranking.hpp"
#include "medley/report/reliability.hpp"
#include "medley/run/metrics.hpp"

namespace medley {
namespace {

using Json = nlohmann::ordered_json;
using Numbers = std::vector<double>;

Json golden() {
  std::ifstream file("tests/golden/report.json");
  EXPECT_TRUE(file) << "tests run from the project's folder, where tests/golden/report.json is";
  return Json::parse(file);
}

std::vector<Score> rising(std::vector<Score> scores) {
  std::ranges::sort(scores, {}, &Score::value);
  return scores;
}

void expect_near(const Numbers& found, const Numbers& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-12) << what << i;
}

TEST(RankingBlock, IsAsScikitLearnHasIt) {
  const Json file = golden();
  ASSERT_EQ(file["ranking"].size(), 8u);
  for (const Json& wanted : file["ranking"]) {
    const std::string name = wanted["name"];
    std::vector<Score> scores;
    for (std::size_t i = 0; i < wanted["scores"].size(); ++i)
      scores.push_back({wanted["scores"][i].get<float>(), wanted["labels"][i].get<int>()});
    const nlohmann::json block = ranking_block(rising(scores));
    EXPECT_NEAR(block["area"].get<double>(), wanted["area"].get<double>(), 1e-12) << name;
    EXPECT_NEAR(block["average_precision"].get<double>(), wanted["average_precision"].get<double>(),
                1e-12)
        << name;
    auto threshold = block["threshold"].get<Numbers>();
    EXPECT_EQ(threshold[0], std::numeric_limits<double>::infinity()) << name;
    threshold.erase(threshold.begin());
    expect_near(threshold, wanted["threshold"].get<Numbers>(), name);
    for (const char* list : {"false_positive_rate", "true_positive_rate", "precision"})
      expect_near(block[list].get<Numbers>(), wanted[list].get<Numbers>(), name + list);
    EXPECT_EQ(block["thinned"], false);
  }
}

// By trapezoids.
double area_of(const Numbers& x, const Numbers& y) {
  double area = 0.0;
  for (std::size_t i = 1; i < x.size(); ++i) area += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
  return area;
}

// Scores of which one in `rare` is of class 1 and a little higher.
std::vector<Score> many_scores(std::uint64_t count, std::uint64_t rare, double shift) {
  std::vector<Score> scores;
  const RandomStream stream(1, Purpose::augmentation, 0, 0);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto bits = stream.draw(static_cast<std::uint32_t>(i));
    const int label = i % rare == 0;
    const double noise = (bits[0] + static_cast<double>(bits[1])) * 0x1p-32;
    scores.push_back({static_cast<float>(noise + shift * label), label});
  }
  return rising(scores);
}

TEST(RankingBlock, ThinsLongCurvesAndKeepsTheirAreas) {
  for (const std::uint64_t rare : {2, 400}) {
    for (const double shift : {-0.5, 0.0, 0.4, 3.0}) {
      const std::vector<Score> scores = many_scores(8000, rare, shift);
      const nlohmann::json block = ranking_block(scores);
      const auto false_rate = block["false_positive_rate"].get<Numbers>(),
                 recall = block["true_positive_rate"].get<Numbers>(),
                 precision = block["precision"].get<Numbers>();
      EXPECT_EQ(block["thinned"], true);
      EXPECT_LE(recall.size(), 200u);
      EXPECT_GE(recall.size(), 50u);
      EXPECT_EQ(false_rate.front() + recall.front(), 0.0);
      EXPECT_EQ(false_rate.back() + recall.back(), 2.0);
      EXPECT_EQ(block["area"].get<double>(), area_under_roc(scores).value);
      EXPECT_EQ(block["standard_error"].get<double>(), area_under_roc(scores).error);
      EXPECT_NEAR(area_of(false_rate, recall), block["area"].get<double>(), 1e-3);
      // The whole curve under precision, drawn by trapezoids.
      double hits = 0, wrong = 0, whole = 0, last_precision = 1;
      const double positives = block["positives"].get<double>();
      for (std::size_t i = scores.size(); i-- > 0;) {
        (scores[i].label == 1 ? hits : wrong) += 1;
        if (i > 0 && scores[i - 1].value == scores[i].value) continue;
        const double now = hits / (hits + wrong);
        if (scores[i].label == 1) whole += (now + last_precision) / 2 / positives;
        last_precision = now;
      }
      EXPECT_NEAR(area_of(recall, precision), whole, 1.1e-3) << rare << " " << shift;
    }
  }
}

TEST(RankingBlock, TellsNothingOfOneClassNorOfWhatIsNoNumber) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<Score>& scores :
       {std::vector<Score>{}, {{0.5f, 1}, {1.0f, 1}}, {{0.5f, 1}, {1.0f, 0}, {none, 1}}}) {
    const auto block = Json::parse(ranking_block(scores).dump());
    EXPECT_TRUE(block["area"].is_null());
    EXPECT_TRUE(block["average_precision"].is_null());
    EXPECT_TRUE(block["threshold"].empty());
  }
}

TEST(Reliability, IsAsScikitLearnHasIt) {
  const Json file = golden();
  ASSERT_EQ(file["reliability"].size(), 2u);
  for (const Json& wanted : file["reliability"]) {
    const std::string name = wanted["name"];
    Reliability reliability;
    for (std::size_t i = 0; i < wanted["right"].size(); ++i)
      reliability.add(wanted["confidence"][i].get<double>(), wanted["right"][i].get<int>() == 1);
    const nlohmann::json block = reliability.block(true);
    EXPECT_EQ(block["count"].get<std::size_t>(), wanted["right"].size());
    EXPECT_NEAR(block["expected_calibration_error"].get<double>(), wanted["expected"].get<double>(),
                1e-12);
    EXPECT_NEAR(block["largest_calibration_error"].get<double>(), wanted["largest"].get<double>(),
                1e-12);
    std::size_t next = 0;
    for (std::size_t b = 0; b < Reliability::bins; ++b) {
      const nlohmann::json& bin = block["bins"][b];
      EXPECT_EQ(bin["count"], wanted["count"][b].get<int>()) << name << b;
      if (bin["count"] == 0) continue;
      EXPECT_NEAR(bin["accuracy"].get<double>(), wanted["accuracy"][next].get<double>(), 1e-12)
          << name << b;
      EXPECT_NEAR(bin["confidence"].get<double>(), wanted["mean_confidence"][next].get<double>(),
                  1e-12)
          << name << b;
      ++next;
    }
    EXPECT_EQ(next, wanted["accuracy"].size());
  }
}

TEST(Reliability, StandardErrorsAreOfIndependentPredictions) {
  Reliability reliability;
  for (const bool right : {true, true, true, false}) reliability.add(0.9, right);
  reliability.add(std::numeric_limits<double>::quiet_NaN(), true);
  const auto bin = [&](bool independent) {
    return Json::parse(reliability.block(independent)["bins"][13].dump());
  };
  EXPECT_EQ(bin(true)["count"], 4);
  EXPECT_DOUBLE_EQ(bin(true)["standard_error"].get<double>(), std::sqrt(0.75 * 0.25 / 4));
  // scipy.stats: binomtest(3, 4).proportion_ci(method="wilson").
  EXPECT_NEAR(bin(true)["low"].get<double>(), 0.30064184258240184, 1e-12);
  EXPECT_NEAR(bin(true)["high"].get<double>(), 0.9544127391902995, 1e-12);
  for (const char* name : {"standard_error", "low", "high"})
    EXPECT_TRUE(bin(false)[name].is_null());
  EXPECT_TRUE(Json::parse(reliability.block(true)["bins"][3].dump())["high"].is_null());
  EXPECT_TRUE(
      Json::parse(Reliability{}.block(true).dump())["expected_calibration_error"].is_null());
}

}  // namespace
}  // namespace medley
