// Folds: what they promise of groups and classes, the balance beside scikit-learn's
// (tests/golden/folds.py), and the records that a source shows of one.
#include "medley/data/folds.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "medley/data/data_warnings.hpp"
#include "medley/data/dataset.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

constexpr PictureShape shape{1, 1, 2};
constexpr TargetSpec specs[]{{"kind", TargetKind::classes, 4},
                             {"place", TargetKind::values, 1},
                             {"side", TargetKind::classes, 2}};

// Records in memory with labels, groups and splits; a picture's two pixels follow from its number.
class Records final : public Source {
 public:
  std::vector<int> kind, side;
  std::vector<std::int64_t> groups;
  std::vector<Split> splits;
  std::vector<std::array<std::uint8_t, 2>> pictures;

  explicit Records(std::size_t count) : kind(count), side(count), splits(count), pictures(count) {
    for (std::size_t i = 0; i < count; ++i) {
      kind[i] = static_cast<int>(i * i / 3 % 7 % 5) - 1;  // a fifth is not known
      side[i] = static_cast<int>(i / 3 % 2);
      splits[i] = i % 5 == 4 ? Split::test : i % 5 == 0 ? Split::validation : Split::train;
      pictures[i] = {static_cast<std::uint8_t>(i * 7), static_cast<std::uint8_t>(i % 3 * 100)};
    }
  }
  std::uint64_t size(Split split) const override {
    return static_cast<std::uint64_t>(std::ranges::count(splits, split));
  }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    for (std::uint64_t i = 0;; ++i)
      if (splits[i] == split && rank-- == 0) return i;
  }
  void read(std::uint64_t record, std::span<std::byte>, Record& out) const override {
    out.image = pictures[record].data();
  }
  std::int32_t label(std::uint64_t record, int target) const override {
    return target == 0 ? kind[record] : side[record];
  }
  bool labelled(std::uint64_t record, int target) const override {
    return label(record, target) >= 0;
  }
  bool has_groups() const override { return !groups.empty(); }
  std::int64_t group(std::uint64_t record) const override { return groups[record]; }
  std::uint64_t fingerprint() const override { return 77; }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return mean_; }
  std::span<const std::string> class_names(int) const override { return {}; }

 private:
  std::array<float, 1> mean_{120.0f};
};

using Folds = std::vector<std::uint32_t>;

std::vector<std::uint64_t> numbers(std::size_t count) {
  std::vector<std::uint64_t> all(count);
  std::iota(all.begin(), all.end(), std::uint64_t{0});
  return all;
}

Folds folds_of(const Records& source, const Fold& fold) {
  return assign_folds(source, specs, numbers(source.kind.size()), fold, "here");
}

// Records of each fold by a key of theirs.
template <class Key>
auto table(const Folds& folds, std::uint32_t count, Key&& key) {
  std::map<decltype(key(std::size_t{})), std::vector<int>> found;
  for (std::size_t i = 0; i < folds.size(); ++i) {
    auto& row = found[key(i)];
    row.resize(count);
    ++row[folds[i]];
  }
  return found;
}

int spread(const std::vector<int>& row) {
  const auto [least, most] = std::ranges::minmax(row);
  return most - least;
}

TEST(Folds, HaveOneSizeAndTheClassesOfAllUpToOneRecord) {
  const Records source(211);
  for (const std::uint32_t count : {2u, 5u, 7u, 211u}) {
    const Folds folds = folds_of(source, {1, count, 1});
    EXPECT_LE(spread(table(folds, count, [](std::size_t) { return 0; })[0]), 1) << count;
    for (const auto& [kind, row] : table(folds, count, [&](auto i) { return source.kind[i]; }))
      EXPECT_LE(spread(row), 1) << kind << " of " << count;
    const auto both = [&](std::size_t i) { return std::pair(source.kind[i], source.side[i]); };
    for (const auto& [key, row] : table(folds, count, both))
      EXPECT_LE(spread(row), 1) << key.first << key.second << " of " << count;
  }
}

TEST(Folds, DependOnSeedAndCountAlone) {
  const Records source(211);
  EXPECT_EQ(folds_of(source, {1, 5, 1}), folds_of(source, {4, 5, 1}));
  EXPECT_NE(folds_of(source, {1, 5, 1}), folds_of(source, {1, 5, 2}));
  // Format: the same on every machine, now and later.
  const Folds folds = folds_of(source, {1, 5, 1});
  EXPECT_EQ(Folds(folds.begin(), folds.begin() + 12), (Folds{4, 4, 4, 1, 0, 3, 3, 3, 2, 4, 1, 4}));
}

TEST(Folds, NeverPartAGroupAndAreAsAlikeAsScikitLearns) {
  std::ifstream file("tests/golden/folds.json");
  ASSERT_TRUE(file) << "tests run from the project's folder, where tests/golden is";
  const auto golden = nlohmann::json::parse(file);
  for (const auto& c : golden.at("cases")) {
    Records source(c.at("labels").size());
    source.kind = c.at("labels").get<std::vector<int>>();
    source.groups = c.at("groups").get<std::vector<std::int64_t>>();
    const auto count = golden.at("folds").get<std::uint32_t>();
    const auto n = static_cast<double>(source.kind.size());
    double mean = 0.0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const Folds folds = assign_folds(source, std::span(specs).first(1),
                                       numbers(source.kind.size()), {1, count, seed}, "here");
      for (const auto& [group, row] : table(folds, count, [&](auto i) { return source.groups[i]; }))
        ASSERT_EQ(std::ranges::count(row, 0), count - 1) << group;
      double uneven = 0.0;
      const auto add = [&](const std::vector<int>& row) {
        const double total = std::accumulate(row.begin(), row.end(), 0.0);
        for (const int found : row) {
          const double off = found - total / count;
          uneven += off * off / total;
        }
      };
      for (const auto& [kind, row] : table(folds, count, [&](auto i) { return source.kind[i]; }))
        add(row);
      add(table(folds, count, [](auto) { return 0; })[0]);
      mean += uneven / 20.0;
    }
    EXPECT_LE(mean, c.at("uneven").get<double>()) << n;
  }
}

TEST(Folds, DoNotDependOnWhatGroupsAreCalled) {
  Records source(60);
  for (std::size_t i = 0; i < 60; ++i) source.groups.push_back(static_cast<std::int64_t>(i / 4));
  const Folds folds = folds_of(source, {1, 4, 3});
  for (std::int64_t& group : source.groups) group = -group * 1'000'000'007;
  EXPECT_EQ(folds_of(source, {1, 4, 3}), folds);
  EXPECT_NE(folds_of(source, {1, 4, 4}), folds);
}

TEST(Folds, OfTooFewRecordsOrGroupsAreRefused) {
  Records source(6);
  EXPECT_EQ(error_of([&] {
              folds_of(source, {1, 7, 1});
            }),
            "3: here: the training and validation splits together have 6 records, too few for 7 "
            "folds");
  source.groups = {1, 1, 2, 2, 2, 1};
  EXPECT_EQ(error_of([&] {
              folds_of(source, {1, 3, 1});
            }),
            "3: here: the training and validation splits together have 2 groups of records, too "
            "few for 3 folds");
  EXPECT_EQ(folds_of(source, {1, 2, 1}).size(), 6u);
}

TEST(Folds, AreReadFromText) {
  EXPECT_EQ(parse_fold("2/5", 7), (Fold{2, 5, 7}));
  EXPECT_EQ(parse_fold("all", 1), (Fold{0, 1, 1}));
  for (const Fold& fold : {Fold{2, 5, 1}, Fold{0, 1, 1}})
    EXPECT_EQ(parse_fold(to_string(fold), 1), fold);
  for (const char* text : {"", "5", "0/5", "6/5", "1/1", "1/", "/5", "1/5x", "-1/5", "1/65537"})
    EXPECT_EQ(error_of([&] { (void)parse_fold(text, 1); }).substr(0, 11), "2: --fold: ") << text;
}

std::vector<std::uint64_t> records_of(const Source& source, Split split) {
  std::vector<std::uint64_t> found;
  for (std::uint64_t rank = 0; rank < source.size(split); ++rank)
    found.push_back(source.record(split, rank));
  std::vector<std::uint64_t> visited;
  source.each_record(split, [&](std::uint64_t record) { visited.push_back(record); });
  EXPECT_EQ(found, visited);
  return found;
}

TEST(FoldedSource, ValidatesOnEachRecordOnceAndLeavesTestAlone) {
  const Records source(211);
  std::multiset<std::uint64_t> validated;
  for (std::uint32_t fold = 1; fold <= 5; ++fold) {
    const FoldedSource folded(source, specs, {fold, 5, 1}, "here");
    EXPECT_EQ(records_of(folded, Split::test), records_of(source, Split::test));
    const auto train = records_of(folded, Split::train);
    const auto validation = records_of(folded, Split::validation);
    EXPECT_TRUE(std::ranges::is_sorted(train) && std::ranges::is_sorted(validation));
    validated.insert(validation.begin(), validation.end());
    std::set<std::uint64_t> all(train.begin(), train.end());
    for (const std::uint64_t record : validation) EXPECT_TRUE(all.insert(record).second);
    EXPECT_EQ(all.size(), source.size(Split::train) + source.size(Split::validation));
    EXPECT_EQ(folded.fingerprint(), source.fingerprint());
  }
  std::multiset<std::uint64_t> expected;
  for (const Split split : {Split::train, Split::validation})
    for (const std::uint64_t record : records_of(source, split)) expected.insert(record);
  EXPECT_EQ(validated, expected);
}

TEST(FoldedSource, OfAllHasNoValidation) {
  const Records source(50);
  const FoldedSource folded(source, specs, {0, 1, 1}, "here");
  EXPECT_EQ(folded.size(Split::train), 40u);
  EXPECT_EQ(folded.size(Split::validation), 0u);
  EXPECT_EQ(folded.size(Split::test), 10u);
}

TEST(FoldedSource, NormalizesByItsOwnTrainingRecords) {
  Records source(50);
  FoldedSource folded(source, specs, {2, 5, 1}, "here");
  EXPECT_EQ(folded.mean()[0], 120.0f);
  folded.measure_channels(shape);
  const auto expect_measured = [&] {
    ChannelStatistics statistics(shape);
    for (const std::uint64_t record : records_of(folded, Split::train))
      statistics.add(source.pictures[record].data());
    EXPECT_EQ(folded.mean()[0], statistics.mean()[0]);
    EXPECT_EQ(folded.deviation()[0], statistics.deviation()[0]);
  };
  expect_measured();
  const float before = folded.mean()[0];
  for (const std::uint64_t record : records_of(folded, Split::validation))
    source.pictures[record] = {255, 255};
  for (const std::uint64_t record : records_of(folded, Split::test))
    source.pictures[record] = {255, 255};
  folded.measure_channels(shape);
  EXPECT_EQ(folded.mean()[0], before);
  expect_measured();
}

}  // namespace
}  // namespace medley
