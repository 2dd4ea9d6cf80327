// Whose normalization and class names a model uses.
#include <gtest/gtest.h>

#include <limits>

#include "medley/run/model.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

class NamedRecords final : public Source {
 public:
  std::vector<float> means{10}, deviations{20};
  std::vector<std::string> names{"a", "b"};

  std::uint64_t size(Split split) const override { return split == Split::test ? 3 : 0; }
  std::uint64_t record(Split, std::uint64_t rank) const override { return rank + 100; }
  void read(std::uint64_t record, std::span<std::byte>, Record& out) const override {
    out.targets[0].label = static_cast<std::int32_t>(record);
  }
  std::size_t scratch_bytes() const override { return 7; }
  std::int32_t label(std::uint64_t, int) const override { return 1; }
  bool labelled(std::uint64_t, int) const override { return true; }
  std::span<const float> mean() const override { return means; }
  std::span<const float> deviation() const override { return deviations; }
  std::span<const std::string> class_names(int) const override { return names; }
};

Description one_target() {
  Description d;
  d.targets = {{"t", TargetKind::classes, 2}};
  return d;
}

Checkpoint trained() {
  Checkpoint c;
  c.path = "run/last";
  c.mean = {1};
  c.deviation = {2};
  c.class_names = {{"a", "b"}};
  return c;
}

TEST(ModelSource, NormalizesAsTheModelWasTrained) {
  const NamedRecords records;
  const ModelSource source(trained(), one_target(), &records, "data", true);
  EXPECT_EQ(source.mean()[0], 1.0f);
  EXPECT_EQ(source.deviation()[0], 2.0f);
  EXPECT_EQ(source.size(Split::test), 3u);
  EXPECT_EQ(source.record(Split::test, 1), 101u);
  EXPECT_EQ(source.scratch_bytes(), 7u);
  Record record;
  source.read(101, {}, record);
  EXPECT_EQ(record.targets[0].label, 101);
}

TEST(ModelSource, WorksWithoutRecords) {
  const ModelSource source(trained(), one_target(), nullptr, {}, false);
  EXPECT_EQ(source.mean()[0], 1.0f);
  EXPECT_EQ(source.size(Split::test), 0u);
  EXPECT_EQ(source.class_names(0)[1], "b");
}

TEST(ModelSource, TakesFromTheRecordsWhatAForeignFileLacks) {
  const NamedRecords records;
  Checkpoint foreign;
  foreign.path = "foreign.safetensors";
  ::testing::internal::CaptureStderr();
  const ModelSource source(foreign, one_target(), &records, "data", true);
  EXPECT_PRED2(holds, "x" + ::testing::internal::GetCapturedStderr(),
               "x...foreign.safetensors...data");
  EXPECT_EQ(source.mean()[0], 10.0f);
  EXPECT_EQ(source.class_names(0)[0], "a");
  EXPECT_ERROR(ModelSource(foreign, one_target(), nullptr, {}, false),
               "3: foreign.safetensors: no tensors input.mean");
}

TEST(ModelSource, RefusesClassesInAnotherOrder) {
  NamedRecords records;
  records.names = {"b", "a"};
  EXPECT_ERROR(ModelSource(trained(), one_target(), &records, "data", true),
               "3: data...'t'...run/last...b, a...a, b");
  // Where the targets are not read, their classes do not matter.
  EXPECT_EQ(ModelSource(trained(), one_target(), &records, "data", false).class_names(0)[0], "a");
}

TEST(ModelSource, RefusesADeviationOfZero) {
  Checkpoint bad = trained();
  for (const float deviation : {0.0f, -1.0f, 1e-44f, std::numeric_limits<float>::infinity()}) {
    bad.deviation = {deviation};
    EXPECT_ERROR(ModelSource(bad, one_target(), nullptr, {}, false),
                 "3: run/last...input.deviation");
  }
}

TEST(ModelSource, RefusesAMeanThatIsNoNumber) {
  Checkpoint bad = trained();
  bad.mean = {std::numeric_limits<float>::quiet_NaN()};
  EXPECT_ERROR(ModelSource(bad, one_target(), nullptr, {}, false), "3: run/last...input.mean");
}

TEST(Splits, AreNamed) {
  EXPECT_EQ(parse_split("validation"), Split::validation);
  EXPECT_ERROR(parse_split("valid"), "2: --split: 'valid'...train, validation, test");
}

TEST(Splits, WithoutRecordsAreRefused) {
  const NamedRecords records;
  require_records(records, Split::test, "data");
  EXPECT_ERROR(require_records(records, Split::train, "data"), "3: data: ...train...test 3");
}

}  // namespace
}  // namespace medley
