// What the splits of a checkpoint's run were: its fold of the same data, and no other.
#include "medley/run/trained_fold.hpp"

#include <gtest/gtest.h>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

// Forty records of their own numbers, of which the last ten are of the test split.
class Forty final : public Source {
 public:
  std::uint64_t size(Split split) const override { return split == Split::train ? 20 : 10; }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    return rank + (split == Split::train ? 0 : split == Split::validation ? 20 : 30);
  }
  void read(std::uint64_t, std::span<std::byte>, Record&) const override {}
  std::int32_t label(std::uint64_t, int) const override { return -1; }
  bool labelled(std::uint64_t, int) const override { return false; }
  std::uint64_t fingerprint() const override { return 5; }
  std::span<const float> mean() const override { return {}; }
  std::span<const float> deviation() const override { return {}; }
  std::span<const std::string> class_names(int) const override { return {}; }
};

std::string said(const Checkpoint& checkpoint, std::uint64_t expected) {
  const Forty records;
  ::testing::internal::CaptureStderr();
  const auto folded = trained_fold(checkpoint, {}, records, "here");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(is_of_fold(checkpoint), checkpoint.options.contains("fold"));
  EXPECT_EQ(folded ? folded->size(Split::validation) : records.size(Split::validation), expected);
  return text;
}

TEST(TrainedFold, IsThatOfTheCheckpointAndOfTheSameDataAlone) {
  Checkpoint checkpoint;
  checkpoint.path = "last";
  checkpoint.data = 5;
  EXPECT_EQ(said(checkpoint, 10), "");
  checkpoint.options["fold"] = "2/5";
  checkpoint.options["fold-seed"] = "9";
  EXPECT_EQ(said(checkpoint, 6),
            "last: records cut as for its training: fold 2 of 5 (seed 9), of 30 records\n");
  checkpoint.data = 6;
  EXPECT_EQ(said(checkpoint, 10),
            "last: trained with --fold 2/5 of other data: the splits of here are as they are "
            "there\n");
  checkpoint.data = 5;
  checkpoint.options["fold"] = "all";
  EXPECT_EQ(said(checkpoint, 0),
            "last: records cut as for its training: all 30 training and validation records are for "
            "training\n");
  checkpoint.options["fold"] = "x";
  const Forty records;
  EXPECT_EQ(error_of([&] { (void)trained_fold(checkpoint, {}, records, "here"); }).substr(0, 18),
            "3: last: --fold: '");
}

}  // namespace
}  // namespace medley
