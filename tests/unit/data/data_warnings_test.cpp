// What is told of suspicious records before anything is learned from them.
#include "medley/data/data_warnings.hpp"

#include <gtest/gtest.h>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

constexpr PictureShape shape{2, 2, 2};
constexpr TargetSpec specs[]{{"kind", TargetKind::classes, 3},
                             {"place", TargetKind::values, 1},
                             {"part", TargetKind::mask, 2}};

// Records in memory, sound unless a test changes them.
constexpr std::array all_splits{Split::train, Split::validation, Split::test};

class Records final : public Source {
 public:
  explicit Records(std::size_t count) : records(count) {
    for (std::size_t i = 0; i < count; ++i) {
      Entry& entry = records[i];
      entry.split = i % 4 == 2 ? Split::validation : i % 4 == 3 ? Split::test : Split::train;
      for (std::size_t k = 0; k < 8; ++k)
        entry.picture[k] = static_cast<std::uint8_t>((i * 8 + k) * 31 % 256);
      entry.label = static_cast<int>(i / 4 % 3);
      entry.mask = {0, 1, 0, 255};
    }
  }
  struct Entry {
    Split split;
    std::array<std::uint8_t, 8> picture;
    int label;
    bool has_place = true;
    float place = 0.5f;
    std::array<std::uint8_t, 4> mask;
  };
  std::vector<Entry> records;
  std::vector<std::string> names;
  std::vector<std::int64_t> groups;
  std::vector<float> weights;

  bool has_weights() const override { return !weights.empty(); }
  float weight(std::uint64_t record) const override {
    return weights.empty() ? 1.0f : weights[record];
  }
  bool has_groups() const override { return !groups.empty(); }
  std::int64_t group(std::uint64_t record) const override { return groups[record]; }
  std::uint64_t size(Split split) const override {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(records, [&](const Entry& e) { return e.split == split; }));
  }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    for (std::uint64_t i = 0;; ++i)
      if (records[i].split == split && rank-- == 0) return i;
  }
  void read(std::uint64_t record, std::span<std::byte>, Record& out) const override {
    const Entry& entry = records[record];
    out.image = entry.picture.data();
    out.targets[0].label = entry.label;
    out.targets[1].values = entry.has_place ? &entry.place : nullptr;
    out.targets[2].mask = entry.mask.data();
  }
  std::int32_t label(std::uint64_t record, int) const override { return records[record].label; }
  bool labelled(std::uint64_t record, int target) const override {
    const Entry& entry = records[record];
    return target == 0   ? entry.label >= 0
           : target == 1 ? entry.has_place
                         : std::ranges::any_of(entry.mask, [](int p) { return p != 255; });
  }
  std::span<const float> mean() const override { return {}; }
  std::span<const float> deviation() const override { return {}; }
  std::span<const std::string> class_names(int target) const override {
    return target == 0 ? std::span<const std::string>(names) : std::span<const std::string>();
  }

  template <class Change>
  void change(std::optional<Split> split, Change&& change) {
    for (Entry& entry : records)
      if (!split || entry.split == *split) change(entry);
  }
  std::vector<TargetSpec> specs{std::begin(medley::specs), std::end(medley::specs)};
  std::vector<std::string> warnings() const { return data_warnings(*this, shape, specs); }
};

using Entry = Records::Entry;
using Texts = std::vector<std::string>;

TEST(DataWarnings, NothingIsSaidOfSoundRecords) { EXPECT_EQ(Records(48).warnings(), Texts{}); }

TEST(DataWarnings, EmptySplits) {
  Records records(48);
  records.change({}, [](Entry& e) { e.split = Split::train; });
  const Texts texts = records.warnings();
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_PRED2(holds, texts[0], "the validation split is empty");
  EXPECT_PRED2(holds, texts[1], "the test split is empty");
}

TEST(DataWarnings, ATargetWithoutALabelInASplit) {
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    Records records(48);
    records.change(split, [](Entry& e) { e.label = -1, e.has_place = false, e.mask.fill(255); });
    const Texts texts = records.warnings();
    ASSERT_EQ(texts.size(), 3u);
    for (std::size_t t = 0; t < 3; ++t)
      EXPECT_EQ(texts[t].substr(0, texts[t].find(':')),
                "target '" + std::string(specs[t].name) + "' has no label in the " +
                    std::string(to_string(split)) + " split");
    EXPECT_EQ(evaluation_warnings(records, shape, specs, split).size(), 3u);
    // One label is enough, wherever it is.
    const std::uint64_t last = records.record(split, records.size(split) - 1);
    records.records[last].has_place = true;
    records.records[last].mask[3] = 0;
    records.records[last].mask[2] = 1;
    EXPECT_EQ(records.warnings().size(), 1u);
  }
}

TEST(DataWarnings, RecordsThatWeighNothingHaveNoLabel) {
  Records records(48);
  records.weights.assign(48, 1.0f);
  EXPECT_EQ(records.warnings(), Texts{});
  for (std::size_t i = 0; i < 48; ++i)
    if (records.records[i].split == Split::test) records.weights[i] = 0.0f;
  ASSERT_EQ(records.warnings().size(), 3u);
  EXPECT_EQ(records.warnings()[2],
            "target 'part' has no label in the test split of a record that counts (weight.npy): "
            "its terms "
            "and metrics are empty there");
}

TEST(DataWarnings, ClassesThatTrainingNeverSees) {
  Records records(48);
  records.change(Split::train, [](Entry& e) { e.label = e.label == 1 ? -1 : e.label; });
  EXPECT_EQ(records.warnings(), Texts{"target 'kind': class 1 never occurs in the training split"});
  records.names = {"hat", "coat", "shoe"};
  records.change(Split::train, [](Entry& e) { e.label = e.label == 2 ? 0 : e.label; });
  EXPECT_EQ(records.warnings(),
            Texts{"target 'kind': classes 1 ('coat') and 2 ('shoe') never occur in the training "
                  "split"});
}

TEST(DataWarnings, VeryUnequalClasses) {
  Records records(1000);
  int seen = 0;
  records.change(Split::train, [&](Entry& e) { e.label = seen++ < 3 ? seen - 1 : 0; });
  EXPECT_EQ(
      records.warnings(),
      Texts{"target 'kind': the training split has 1 record of class 1 and 498 of class 0: "
            "weights that level the classes are SoftmaxCrossEntropy{.class_weights = {0.335, 167, "
            "167}}"});
}

TEST(DataWarnings, WeightsOfTwoAndOfManyClasses) {
  const auto said = [](int classes, int rare) {
    Records records(4000);
    records.specs = {{"kind", TargetKind::classes, classes}};
    int seen = 0;
    records.change(Split::train, [&](Entry& e) {
      e.label = seen < rare * (classes - 1) ? 1 + seen % (classes - 1) : 0, ++seen;
    });
    const Texts texts = records.warnings();
    return texts.size() == 1 ? texts[0] : "not one warning";
  };
  EXPECT_PRED2(holds, said(2, 10),
               "target 'kind'...{.class_weights = {0.503, 100}}, of one output "
               "BinaryCrossEntropy{.positive_weight = 199}");
  EXPECT_PRED2(holds, said(30, 2), "target 'kind'...n / (C n_c)");
}

TEST(DataWarnings, AMaskOf0And255) {
  Records records(48);
  records.change({}, [](Entry& e) { e.mask = {0, 255, 0, 0}; });
  EXPECT_EQ(records.warnings(),
            Texts{"target 'part': class 1 never occurs in the training split, and 25 % of the "
                  "pixels are 255 (not known): if 255 is meant as class 1, divide the masks by "
                  "255"});
  records.change({}, [](Entry& e) { e.mask = {1, 255, 1, 1}; });
  EXPECT_EQ(records.warnings(), Texts{"target 'part': class 0 never occurs in the training split"});
}

TEST(DataWarnings, PicturesThatAreAllAlike) {
  Records records(2000);
  const auto first = [&] {
    const Texts texts = records.warnings();
    return texts.size() == 1 ? texts[0] : "not one warning";
  };
  records.change(Split::train, [](Entry& e) { e.picture.fill(0); });
  EXPECT_PRED2(holds, first(),
               "all pictures of the train split (256 looked at) are black: ...(x * "
               "255).round().astype('uint8')");
  records.change(Split::train, [](Entry& e) { e.picture.fill(7); });
  EXPECT_PRED2(holds, first(), "all pictures...are of one colour, 7 in every pixel");
  records.change(Split::train, [](Entry& e) { e.picture[3] = 8; });
  EXPECT_PRED2(holds, first(), "all pictures...nearly of one colour, 7 to 8 in every pixel");
  int n = 0;
  records.change(Split::train, [&](Entry& e) { e.picture.fill(static_cast<std::uint8_t>(n++)); });
  EXPECT_PRED2(holds, first(), "all pictures...of one colour throughout, each of its own");
  records.change(Split::train, [](Entry& e) { e.picture[0] ^= 64; });
  EXPECT_EQ(records.warnings(), Texts{});
  // Of the test split only an evaluation of it says something.
  records.change(Split::test, [](Entry& e) { e.picture.fill(0); });
  EXPECT_EQ(records.warnings(), Texts{});
  EXPECT_EQ(evaluation_warnings(records, shape, specs, Split::test).size(), 1u);
}

TEST(DataWarnings, GroupsInSeveralSplits) {
  Records records(48);
  for (std::size_t i = 0; i < 48; ++i)
    records.groups.push_back(static_cast<std::int64_t>(records.records[i].split) * 10 - 7 +
                             static_cast<std::int64_t>(i / 4 % 3));
  EXPECT_EQ(records.warnings(), Texts{});
  records.groups[5] = 13;  // of test
  ASSERT_EQ(records.warnings().size(), 1u);
  EXPECT_PRED2(holds, records.warnings()[0], "1 of 9 groups (group.npy) has records in several");
}

TEST(DataWarnings, GroupsThatAreFew) {
  Records records(48);
  const auto group = [&](Split split, std::int64_t groups) {
    records.groups.resize(48);
    std::int64_t n = 0;
    for (std::size_t i = 0; i < 48; ++i)
      if (records.records[i].split == split)
        records.groups[i] = static_cast<std::int64_t>(split) * 100 + n++ % groups;
  };
  for (const Split split : all_splits) group(split, 3);
  EXPECT_EQ(records.warnings(), Texts{});
  group(Split::test, 2);
  EXPECT_EQ(records.warnings(),
            Texts{"the 12 records of the test split are of 2 groups (group.npy): what "
                  "is measured on so few tells little of others"});
  group(Split::test, 3);
  group(Split::train, 1);
  EXPECT_EQ(records.warnings(),
            Texts{"the 24 records of the train split are of 1 group (group.npy): what "
                  "is learned of so few may not hold for others"});
  // Records that are each a group of their own are a small split, which everyone sees.
  group(Split::train, 3);
  for (std::size_t i = 0; i < 48; ++i)
    if (records.records[i].split == Split::test && i > 7) records.records[i].split = Split::train;
  EXPECT_EQ(records.size(Split::test), 2u);
  records.groups[3] = 201, records.groups[7] = 202;
  for (const std::string& text : records.warnings())
    EXPECT_FALSE(holds(text, "the 2 records")) << text;
}

TEST(DataWarnings, PicturesInTwoSplits) {
  Records records(48);
  records.records[18].picture = records.records[4].picture;  // validation, train
  EXPECT_EQ(
      records.warnings(),
      Texts{"1 of the 12 pictures of the validation split is in the training split too (records 4 "
            "and 18 are equal in every pixel): what is measured on it looks better than it is"});
  records.records[7].picture = records.records[22].picture;
  records.records[11].picture = records.records[22].picture;
  records.records[18].picture[7] ^= 1;
  EXPECT_EQ(
      records.warnings(),
      Texts{
          "2 of the 12 pictures of the test split are in the validation split too (records 22 and "
          "7 are equal in every pixel): what is measured on them looks better than it is"});
  EXPECT_EQ(data_warnings(records, shape, records.specs, 48 * 8 - 1),
            Texts{});  // too many to compare
  EXPECT_EQ(data_warnings(records, shape, records.specs, 48 * 8).size(), 1u);
  for (const std::size_t i : {7u, 11u, 22u}) records.records[i].picture.fill(9);  // empty tiles
  EXPECT_EQ(records.warnings(), Texts{});
}

TEST(DataWarnings, OnePictureForAll) {
  Records records(48);
  records.change(Split::train, [&](Entry& e) { e.picture = {1, 50, 3, 4, 5, 6, 7, 8}; });
  EXPECT_EQ(records.warnings(), Texts{"all pictures of the train split are the same picture"});
  records.records[44].picture[7] = 9;
  EXPECT_EQ(records.warnings(), Texts{});
}

TEST(DataWarnings, NormalizationOfSingleNumbers) {
  Description d;
  d.memory.shard = 4;
  d.layers = {{"trunk.1", "ghost_batch_norm", {}, {}, {8, 2, 2}, 0, 0},
              {"heads.a.2", "ghost_batch_norm", {}, {}, {8, 1, 1}, 0, 0},
              {"heads.b.2", "group_norm", {}, {}, {8, 1, 1}, 0, 0}};
  const auto said = [&](std::uint64_t records, std::uint64_t batch) {
    const Texts texts = normalization_warnings(d, records, batch);
    return texts.empty() ? "nothing" : texts[0];
  };
  EXPECT_PRED2(holds, said(33, 1),
               "'heads.a.2' (ghost_batch_norm...one number a channel...in every "
               "batch, which has one sample");
  EXPECT_PRED2(holds, said(35, 5), "'heads.a.2'...last shard of every batch (5 records");
  EXPECT_PRED2(holds, said(5, 64), "'heads.a.2'...last shard of every batch (5 records");
  EXPECT_PRED2(holds, said(33, 8),
               "'heads.a.2'...last shard of every epoch (33 records in batches "
               "of 8");
  EXPECT_EQ(said(32, 8), "nothing");
  EXPECT_EQ(said(34, 8), "nothing");
  EXPECT_EQ(said(0, 8), "nothing");
  d.memory.shard = 1;
  EXPECT_PRED2(holds, said(32, 8), "'heads.a.2'...in every shard, which has one sample");
  d.layers.erase(d.layers.begin() + 1);
  EXPECT_EQ(said(32, 8), "nothing");
}

}  // namespace
}  // namespace medley
