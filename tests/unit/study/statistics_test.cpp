// Statistics against SciPy and NumPy (tests/golden/statistics.py), and where nothing is known.
#include "medley/study/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

namespace medley::statistics {
namespace {

using Values = std::vector<double>;

nlohmann::json golden(const char* name) {
  std::ifstream file("tests/golden/statistics.json");
  EXPECT_TRUE(file) << "tests run from the project's folder, where tests/golden is";
  return nlohmann::json::parse(file).at(name);
}

void expect_close(double found, double expected) {
  EXPECT_NEAR(found, expected, 1e-12 + 1e-10 * std::abs(expected));
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(Statistics, StudentsDistributionIsSciPys) {
  for (const auto& c : golden("t")) {
    SCOPED_TRACE(c.dump());
    const double p = c.at("p"), degrees = c.at("degrees"), t = c.at("t");
    expect_close(student_t_quantile(p, degrees), t);
    expect_close(student_t_two_sided(t, degrees), c.at("two_sided"));
    expect_close(student_t_two_sided(-t, degrees), c.at("two_sided"));
  }
}

TEST(Statistics, EstimatesAndPairedTestsAreSciPys) {
  for (const auto& c : golden("pairs")) {
    SCOPED_TRACE(c.at("name").get<std::string>());
    const Values a = c.at("a"), b = c.at("b");
    const Estimate e = estimate(a);
    expect_close(e.mean, c.at("mean"));
    expect_close(e.standard_error, c.at("sem"));
    EXPECT_EQ(e.n, a.size());
    const Paired plain = paired(a, b);
    expect_close(plain.difference, c.at("difference"));
    expect_close(plain.standard_error, c.at("error"));
    expect_close(plain.p, c.at("p"));
    EXPECT_EQ(plain.n, a.size());
    expect_close(interval(plain).low, c.at("low"));
    expect_close(interval(plain).high, c.at("high"));
    const Paired folds = paired_folds(a, b, c.at("share"));
    expect_close(folds.difference, c.at("difference"));
    expect_close(folds.standard_error, c.at("corrected_error"));
    expect_close(folds.p, c.at("corrected_p"));
  }
}

TEST(Statistics, AnIntervalIsAroundTheMean) {
  const Interval around = interval(Estimate{2.0, 0.5, 11}, 0.9);
  expect_close(around.high - 2.0, 0.5 * student_t_quantile(0.95, 10));
  expect_close(2.0 - around.low, around.high - 2.0);
}

TEST(Statistics, HolmIsAsWrittenOut) {
  for (const auto& c : golden("holm")) {
    const Values found = holm(c.at("p").get<Values>()), expected = c.at("adjusted");
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) expect_close(found[i], expected[i]);
  }
  const Values with_unknown = holm(Values{0.01, std::nan(""), 0.04});
  expect_close(with_unknown[0], 0.02);  // two are compared, not three
  EXPECT_TRUE(std::isnan(with_unknown[1]));
  expect_close(with_unknown[2], 0.04);
}

TEST(Statistics, TreatmentsAreSciPys) {
  for (const auto& c : golden("treatments")) {
    expect_close(treatments(c.at("values").get<std::vector<Values>>()), c.at("p"));
  }
  for (const auto& c : golden("pairs")) {  // of two, F is t²
    expect_close(treatments(std::vector<Values>{c.at("a"), c.at("b")}), c.at("p"));
  }
  EXPECT_EQ(treatments(std::vector<Values>{{1.0, 2.0}, {1.0, 2.0}}), 1.0);
  EXPECT_EQ(treatments(std::vector<Values>{{1.0, 2.0}, {2.0, 3.0}}), 0.0);
  EXPECT_TRUE(std::isnan(treatments(std::vector<Values>{{1.0}, {2.0}})));
}

TEST(Statistics, TheBootstrapIsTheSameInPython) {
  for (const auto& c : golden("bootstrap")) {
    const Interval found = bootstrap_interval(c.at("values").get<Values>(), mean, c.at("level"),
                                              c.at("resamples"), c.at("seed"));
    expect_close(found.low, c.at("low"));
    expect_close(found.high, c.at("high"));
  }
}

// Of 400 sets of 20, a 90% interval of the mean misses the expectation in about 40, by Student's t;
// percentiles of the bootstrap are a little narrow for so few.
TEST(Statistics, IntervalsCoverAsOftenAsTheySay) {
  int by_t = 0, by_bootstrap = 0;
  std::uint64_t state = 1;
  const auto uniform = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state >> 11) / 9007199254740992.0;
  };
  for (int set = 0; set < 400; ++set) {
    Values values(20);
    for (double& x : values) x = uniform();
    const Interval t = interval(estimate(values), 0.9);
    const Interval bootstrap = bootstrap_interval(values, mean, 0.9, 200, 7);
    by_t += t.low > 0.5 || t.high < 0.5;
    by_bootstrap += bootstrap.low > 0.5 || bootstrap.high < 0.5;
  }
  EXPECT_NEAR(by_t, 40, 18);  // three standard deviations
  EXPECT_NEAR(by_bootstrap, 50, 24);
}

TEST(Statistics, QuantilesLieBetweenNeighbours) {
  const Values sorted{1.0, 2.0, 4.0};
  EXPECT_DOUBLE_EQ(quantile(sorted, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(quantile(sorted, 0.25), 1.5);
  EXPECT_DOUBLE_EQ(quantile(sorted, 0.75), 3.0);
  EXPECT_DOUBLE_EQ(quantile(sorted, 1.0), 4.0);
}

TEST(Statistics, WhatIsNotKnownIsNotANumber) {
  const Estimate none = estimate({}), one = estimate(Values{3.0});
  EXPECT_TRUE(std::isnan(none.mean));
  EXPECT_TRUE(std::isnan(none.standard_error));
  EXPECT_EQ(one.mean, 3.0);
  EXPECT_TRUE(std::isnan(one.standard_error));
  EXPECT_TRUE(std::isnan(interval(one).low));
  const Paired single = paired(Values{3.0}, Values{1.0});
  EXPECT_EQ(single.difference, 2.0);
  EXPECT_TRUE(std::isnan(single.p));
  EXPECT_TRUE(std::isnan(paired(Values{1.0, std::nan("")}, Values{1.0, 1.0}).p));
  EXPECT_TRUE(std::isnan(bootstrap_interval({}, mean).low));
}

TEST(Statistics, DifferencesThatAreAllTheSame) {
  EXPECT_EQ(paired(Values{1.0, 2.0}, Values{1.0, 2.0}).p, 1.0);
  EXPECT_EQ(paired(Values{2.0, 3.0}, Values{1.0, 2.0}).p, 0.0);
}

TEST(Statistics, PairsThatWouldTell) {
  // Four pairs give an error of 0.02; sixteen would give 0.01, half of the effect.
  EXPECT_EQ(pairs_needed({0.01, 0.02, 0.6, 4}, 0.02), 16u);
  EXPECT_EQ(pairs_needed({0.01, 0.001, 0.6, 4}, 0.02), 2u);
  EXPECT_EQ(pairs_needed({0.01, std::nan(""), std::nan(""), 1}, 0.02), 0u);
}

}  // namespace
}  // namespace medley::statistics
