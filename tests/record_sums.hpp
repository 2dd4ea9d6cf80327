// For tests of what an engine tells of single records: their sums, to be held against the evaluation.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "medley/engine/counting.hpp"
#include "training_harness.hpp"

namespace medley::testing {

class RecordSums final : public RecordObserver {
 public:
  void loss(std::uint64_t rank, int term, double value, double weight) override {
    const std::lock_guard lock(mutex_);
    values[term][rank] += value;
    weights[term] += weight;
  }
  void loss_sums(std::uint64_t rank, int term, std::span<const double> of_record) override {
    const std::lock_guard lock(mutex_);
    values[term][rank] = 0.0;
    auto& to = sums[term];
    to.resize(of_record.size());
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += of_record[i];
  }
  void predicted(std::uint64_t rank, int metric, int label, int prediction,
                 std::uint64_t positions) override {
    const std::lock_guard lock(mutex_);
    ranks[metric].insert(rank);
    confusion[metric][{label, prediction}] += positions;
  }
  void scored(std::uint64_t, int metric, const Score& score) override {
    const std::lock_guard lock(mutex_);
    scores[metric].push_back(score);
  }
  void erred(std::uint64_t rank, int metric, double absolute, double squared,
             int dimensions) override {
    const std::lock_guard lock(mutex_);
    ranks[metric].insert(rank);
    errors[metric][0] += absolute;
    errors[metric][1] += squared;
    errors[metric][2] += dimensions;
  }

  std::map<int, std::map<std::uint64_t, double>> values;  // [term][record]
  std::map<int, double> weights;
  std::map<int, std::vector<double>> sums;
  std::map<int, std::map<std::pair<int, int>, std::uint64_t>> confusion;
  std::map<int, std::set<std::uint64_t>> ranks;
  std::map<int, std::vector<Score>> scores;
  std::map<int, std::array<double, 3>> errors;

 private:
  std::mutex mutex_;
};

// Evaluates with an observer: what it is told sums up to the evaluation.
template <class Experiment>
void expect_records_sum_up(MadeTraining<Experiment>& training) {
  Evaluation e;
  RecordSums told;
  training.engine().evaluate(Split::test, e, &told);
  const Description& d = training.description();
  for (std::size_t k = 0; k < d.terms.size(); ++k) {
    if (d.terms[k].is_penalty) continue;
    SCOPED_TRACE(d.terms[k].name);
    const int term = static_cast<int>(k);
    EXPECT_EQ(d.terms[k].sums > 0, told.sums.contains(term));
    double value = 0.0;
    for (const auto& [rank, of_record] : told.values[term]) value += of_record / told.weights[term];
    if (d.terms[k].sums > 0) {
      EXPECT_EQ(told.sums[term].size(), static_cast<std::size_t>(d.terms[k].sums));
      value = training.engine().summed_value(term, told.sums[term]);
    }
    EXPECT_NEAR(value, e.value[k], 1e-6 * std::max(1.0, e.value[k]));
  }
  for (std::size_t i = 0; i < d.metrics.size(); ++i) {
    SCOPED_TRACE(d.metrics[i].head);
    const int metric = static_cast<int>(i), classes = d.metrics[i].classes;
    const MetricCounts& m = e.metrics[i];
    for (int l = 0; l < classes; ++l) {
      for (int p = 0; p < classes; ++p)
        EXPECT_EQ((told.confusion[metric][{l, p}]),
                  m.confusion[static_cast<std::size_t>(l * classes + p)]);
    }
    if (classes == 0) {
      EXPECT_NEAR(told.errors[metric][0], m.absolute_error, 1e-9 * (1.0 + m.absolute_error));
      EXPECT_NEAR(told.errors[metric][1], m.squared_error, 1e-9 * (1.0 + m.squared_error));
      EXPECT_EQ(told.errors[metric][2], static_cast<double>(m.count));
    }
    const auto scores = sorted_scores(told.scores[metric]);
    ASSERT_EQ(scores.size(), m.scores.size());
    for (std::size_t s = 0; s < scores.size(); ++s) EXPECT_EQ(scores[s].value, m.scores[s].value);
  }
}

// The records that were told of, of each metric.
template <class Experiment>
std::vector<std::set<std::uint64_t>> records_told(MadeTraining<Experiment>& training) {
  Evaluation e;
  RecordSums told;
  training.engine().evaluate(Split::test, e, &told);
  std::vector<std::set<std::uint64_t>> records;
  for (std::size_t i = 0; i < training.description().metrics.size(); ++i)
    records.push_back(told.ranks[static_cast<int>(i)]);
  return records;
}

}  // namespace medley::testing
