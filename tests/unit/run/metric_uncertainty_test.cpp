// Standard errors and intervals against scikit-learn's metrics of the same bootstrap samples
// (tests/golden/uncertainty.py), where formulas hold, and where there is nothing to tell.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "description_helpers.hpp"
#include "medley/engine/counting.hpp"
#include "medley/run/uncertainty.hpp"

namespace medley {
namespace {

// What an engine would tell of each record.
struct Told {
  double loss = 0.0;
  std::vector<std::pair<int, int>> cells;  // class and prediction, one a position
  Score score;
  std::vector<double> errors;
  std::int64_t group = 0;
};

// A test split of such records, in groups where they say so.
class Records final : public Source {
 public:
  explicit Records(std::vector<Told> of, bool groups) : told(std::move(of)), groups_(groups) {}
  std::uint64_t size(Split split) const override { return split == Split::test ? told.size() : 0; }
  std::uint64_t record(Split, std::uint64_t rank) const override { return rank; }
  void read(std::uint64_t, std::span<std::byte>, Record&) const override {}
  std::int32_t label(std::uint64_t, int) const override { return -1; }
  bool labelled(std::uint64_t, int) const override { return false; }
  bool has_groups() const override { return groups_; }
  std::int64_t group(std::uint64_t record) const override { return told[record].group * 1001 - 5; }
  std::span<const float> mean() const override { return {}; }
  std::span<const float> deviation() const override { return {}; }
  std::span<const std::string> class_names(int) const override { return {}; }
  std::vector<Told> told;

 private:
  bool groups_;
};

// An engine that tells of one term, which may be a function of sums, and one metric.
class TellingEngine final : public Engine {
 public:
  TellingEngine(const Records& records, const MetricInfo& info, bool sums)
      : records_(records), info_(info), sums_(sums) {}

  void evaluate(Split split, Evaluation& e, RecordObserver* observer) override {
    e = {};
    e.records = records_.size(split);
    confusion_.assign(static_cast<std::size_t>(info_.classes * info_.classes), 0);
    scores_.clear();
    double weight = 0.0;
    MetricCounts& m = e.metrics[0];
    for (std::uint64_t rank = 0; rank < e.records; ++rank) {
      const Told& told = records_.told[rank];
      for (const auto& [label, found] : told.cells) {
        ++confusion_[static_cast<std::size_t>(label * info_.classes + found)];
        if (observer) observer->predicted(rank, 0, label, found, 1);
      }
      if (info_.scored && told.score.label >= 0) {
        scores_.push_back(told.score);
        if (observer) observer->scored(rank, 0, told.score);
      }
      if (!told.errors.empty()) {
        double absolute = 0.0, squared = 0.0;
        for (const double x : told.errors) absolute += std::abs(x), squared += x * x;
        m.absolute_error += absolute;
        m.squared_error += squared;
        m.count += told.errors.size();
        if (observer)
          observer->erred(rank, 0, absolute, squared, static_cast<int>(told.errors.size()));
      }
      if (told.cells.empty() && told.errors.empty()) continue;
      e.value[0] += told.loss;
      weight += 1.0;
      const std::array<double, 2> sums{told.loss, 1.0};
      if (observer && sums_) observer->loss_sums(rank, 0, sums);
      if (observer && !sums_) observer->loss(rank, 0, told.loss, 1.0);
    }
    e.measured = {weight > 0.0, true};
    e.value[0] /= weight;
    e.value[1] = 0.25;
    e.weight = {2.0, 1.0};
    e.total = weight > 0.0 ? 2.0 * e.value[0] + 0.25 : std::nan("");
    m.confusion = confusion_;
    m.scores = sorted_scores(scores_);
  }
  double summed_value(int, std::span<const double> sums) const override {
    return sums[0] / sums[1];
  }
  void start(const Settings&) override {}
  void initialize() override {}
  void parameters_changed() override {}
  void gather_state() override {}
  void step(Position&, double, StepReport&) override {}
  std::size_t batch_records(const Position&, std::span<std::uint64_t>) const override { return 0; }
  void measure_gradients(const Position&, GradientReport&) override {}
  std::size_t diagnosis_floats() const override { return 0; }
  void keep_parameters(std::span<float>) const override {}
  void diagnose(const Position&, std::span<float>, const StepReport&, double, Diagnosis&) override {
  }
  void predict(std::span<const Record>, std::span<float* const>, const LayerOutput&) override {}
  std::size_t predict_batch() const override { return 1; }
  std::uint64_t rounds_per_epoch() const override { return 1; }

 private:
  const Records& records_;
  MetricInfo info_;
  bool sums_;
  std::vector<std::uint64_t> confusion_;
  std::vector<Score> scores_;
};

Description describe(const TargetSpec& target, bool sums = false) {
  Description d;
  d.targets = {target};
  add_term(d, std::string(target.name), std::string(target.name), "softmax_cross_entropy",
           {target.size, 1, 1});
  d.terms[0].sums = sums ? 2 : 0;
  TermInfo& decay = d.terms.emplace_back();
  decay.name = "decay";
  decay.is_penalty = true;
  add_metric(d, target.name, target.name);
  return d;
}

Assessment assessed(const Description& d, const Records& records, int threads = 1) {
  TellingEngine engine(records, d.metrics[0], d.terms[0].sums > 0);
  return assess(engine, records, d, Split::test, threads);
}

std::map<std::string, Metric> by_name(const Assessment& a) {
  std::map<std::string, Metric> found;
  for (const Metric& metric : a.metrics) found.emplace(metric.name, metric);
  return found;
}

// The records of a case of the golden file.
std::vector<Told> records_of(const nlohmann::json& c) {
  std::vector<Told> records(c.at("group").size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    Told& told = records[i];
    told.group = c.at("group")[i];
    if (c.contains("label") && c.at("label")[i] >= 0) {
      told.cells = {{c.at("label")[i], c.at("predicted")[i]}};
      told.loss = c.at("loss")[i];
      told.score = {c.at("score")[i], c.at("label")[i]};
    }
    if (c.contains("error")) told.errors = c.at("error")[i].get<std::vector<double>>();
    if (!c.contains("mask")) continue;
    for (std::size_t p = 0; p < c.at("mask")[i].size(); ++p)
      told.cells.emplace_back(c.at("mask")[i][p], c.at("found")[i][p]);
  }
  return records;
}

TargetSpec target_of(const nlohmann::json& c) {
  if (c.contains("error")) return {"place", TargetKind::values, 2};
  if (c.contains("mask")) return {"part", TargetKind::mask, 3};
  return {"kind", TargetKind::classes, c.at("classes")};
}

TEST(Uncertainty, IsThatOfScikitLearnsMetricsOfTheSamples) {
  std::ifstream file("tests/golden/uncertainty.json");
  ASSERT_TRUE(file) << "tests run from the project's folder, where tests/golden is";
  const auto golden = nlohmann::json::parse(file);
  for (const auto& c : golden.at("cases")) {
    const auto groups = c.at("group").get<std::vector<std::size_t>>();
    const std::size_t draws = std::ranges::max(groups) + 1;
    const bool grouped = draws < groups.size();
    const Records records(records_of(c), grouped);
    for (const bool sums : {false, true}) {
      const Assessment a = assessed(describe(target_of(c), sums), records, sums ? 3 : 1);
      EXPECT_EQ(a.draws, draws);
      EXPECT_EQ(a.grouped, grouped);
      const auto found = by_name(a);
      for (const auto& [name, answer] : c.at("answers").items()) {
        SCOPED_TRACE(c.at("name").get<std::string>() + ": " + name);
        const Metric& metric = found.at(name);
        EXPECT_NEAR(metric.value, answer.at("value"), 1e-12);
        // Where there is a formula, it holds: a test of its own.
        if (grouped || !name.ends_with("accuracy")) {
          EXPECT_NEAR(metric.error, answer.at("error"), 1e-12);
        }
        if (grouped || !name.ends_with(".accuracy")) {
          EXPECT_NEAR(metric.low, answer.at("low"), 1e-12);
          EXPECT_NEAR(metric.high, answer.at("high"), 1e-12);
        }
      }
      if (c.contains("loss")) {
        const double error = c.at("answers").at("term.kind").at("error");
        EXPECT_NEAR(found.at("total").error, 2.0 * error, 1e-12);
        EXPECT_TRUE(std::isnan(found.at("term.decay").error));
        EXPECT_EQ(found.at("term.decay").value, 0.25);
      }
    }
  }
}

// 30 records, 24 of them right.
std::vector<Told> thirty() {
  std::vector<Told> records(30);
  for (int i = 0; i < 30; ++i) {
    records[static_cast<std::size_t>(i)].cells = {{i % 2, i < 24 ? i % 2 : 1 - i % 2}};
    records[static_cast<std::size_t>(i)].group = i / 3;
  }
  return records;
}

TEST(Uncertainty, FormulasHoldWhereRecordsAreDrawn) {
  const Description d = describe({"kind", TargetKind::classes, 2});
  const Assessment alone = assessed(d, Records(thirty(), false));
  const Metric accuracy = by_name(alone).at("kind.accuracy");
  EXPECT_DOUBLE_EQ(accuracy.error, std::sqrt(0.8 * 0.2 / 30.0));
  // statsmodels' proportion_confint(24, 30, method="wilson").
  EXPECT_NEAR(accuracy.low, 0.6269, 5e-5);
  EXPECT_NEAR(accuracy.high, 0.9049, 5e-5);
  EXPECT_EQ(uncertainty_note(alone), "");
  // Three records of a group are alike: the same as ten records.
  const Assessment grouped = assessed(d, Records(thirty(), true));
  EXPECT_NEAR(by_name(grouped).at("kind.accuracy").error, std::sqrt(0.8 * 0.2 / 10.0), 0.01);
  EXPECT_EQ(
      uncertainty_note(grouped),
      "standard errors take the 10 groups for draws, not the 30 records; so few make intervals "
      "too narrow");
}

TEST(Uncertainty, GroupsOfSingleRecordsAreRecords) {
  std::vector<Told> records = thirty();
  for (std::size_t i = 0; i < 30; ++i) records[i].group = static_cast<std::int64_t>(i);
  const Description d = describe({"kind", TargetKind::classes, 2});
  const Assessment alone = assessed(d, Records(thirty(), false));
  const Assessment each = assessed(d, Records(records, true));
  EXPECT_FALSE(each.grouped);
  for (std::size_t m = 0; m < alone.metrics.size(); ++m) {
    if (std::isnan(alone.metrics[m].error)) continue;
    EXPECT_EQ(alone.metrics[m].error, each.metrics[m].error) << alone.metrics[m].name;
  }
}

TEST(Uncertainty, IsTheSameForAnyThreads) {
  const Description d = describe({"kind", TargetKind::classes, 2});
  const Records records(thirty(), true);
  const Assessment one = assessed(d, records, 1), many = assessed(d, records, 4);
  for (std::size_t m = 0; m < one.metrics.size(); ++m) {
    if (std::isnan(one.metrics[m].error)) continue;
    EXPECT_EQ(one.metrics[m].error, many.metrics[m].error);
    EXPECT_EQ(one.metrics[m].low, many.metrics[m].low);
  }
}

// 36 % of the samples lack it.
TEST(Uncertainty, AnInfiniteLossIsInNoSampleThatLacksItsRecord) {
  std::vector<Told> records = thirty();
  for (Told& told : records) told.loss = 0.5;
  records[7].loss = std::numeric_limits<double>::infinity();
  const Description d = describe({"kind", TargetKind::classes, 2});
  const Metric loss = by_name(assessed(d, Records(records, false))).at("term.kind");
  EXPECT_EQ(loss.low, 0.5);
}

TEST(Uncertainty, NothingIsToldOfNothing) {
  const Description d = describe({"kind", TargetKind::classes, 2});
  const auto expect_silence = [&](std::vector<Told> records, bool groups) {
    for (const Metric& metric : assessed(d, Records(std::move(records), groups)).metrics) {
      if (metric.name.ends_with("accuracy")) continue;  // of a formula
      EXPECT_TRUE(std::isnan(metric.error) && std::isnan(metric.low)) << metric.name;
    }
  };
  expect_silence(std::vector<Told>(20), false);  // no record has a label
  expect_silence({thirty()[0]}, false);
  std::vector<Told> one_group = thirty();
  for (Told& told : one_group) told.group = 1;
  expect_silence(one_group, true);
}

}  // namespace
}  // namespace medley
