// Dataset folders: written by DatasetWriter or by hand, read back, and refused where they are
// wrong.
#include "medley/data/dataset.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "medley/base/random.hpp"
#include "medley/data/dataset_writer.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr PictureShape shape{3, 2, 4};
constexpr TargetSpec specs[]{{"colour", TargetKind::classes, 5},
                             {"position", TargetKind::values, 2},
                             {"part", TargetKind::mask, 3}};

template <class T>
void save(const fs::path& path, DType dtype, std::vector<std::uint64_t> record,
          const std::vector<T>& values) {
  NpyWriter writer(path, dtype, std::move(record));
  auto bytes = std::as_bytes(std::span(values));
  for (; !bytes.empty(); bytes = bytes.subspan(writer.record_bytes()))
    writer.append(bytes.first(writer.record_bytes()));
  writer.finish();
}

using Bytes = std::vector<std::uint8_t>;

// A folder of six records as a user's own script would write it.
class DatasetFolder : public ::testing::Test {
 protected:
  static constexpr std::uint64_t n = 6;
  DatasetFolder() {
    Bytes images;
    for (std::uint64_t i = 0; i < n * shape.bytes(); ++i)
      images.push_back(static_cast<std::uint8_t>(i * 37 % 256));
    save(folder_ / "images.npy", DType::u8, {3, 2, 4}, images);
    save(folder_ / "split.npy", DType::u8, {}, Bytes{0, 1, 0, 2, 0, 1});
    save(folder_ / "colour.npy", DType::i64, {}, std::vector<std::int64_t>{0, 4, -1, 2, 1, 3});
    save(folder_ / "position.npy", DType::f32, {2},
         std::vector<float>{0, 1, 2, 3, nan, 5, 6, 7, nan, nan, 10, 11});
    Bytes part(n * 8, 1);
    std::fill(part.begin() + 8, part.begin() + 16, std::uint8_t{255});
    part[16] = 255;
    save(folder_ / "part.npy", DType::u8, {2, 4}, part);
  }
  Dataset open(const DatasetOptions& options = {}) {
    return Dataset(folder_.path(), shape, specs, options);
  }
  std::string error(const DatasetOptions& options = {}) {
    return error_of([&] { open(options); });
  }
  TemporaryFolder folder_;
};

TEST_F(DatasetFolder, ReadsWhatAScriptWrites) {
  const Dataset data = open();
  EXPECT_EQ(data.size(), 6u);
  EXPECT_EQ(data.size(Split::train), 3u);
  EXPECT_EQ(data.size(Split::validation), 2u);
  EXPECT_EQ(data.size(Split::test), 1u);
  EXPECT_EQ(data.record(Split::train, 2), 4u);
  EXPECT_EQ(data.record(Split::validation, 1), 5u);
  EXPECT_EQ(data.split_of(3), Split::test);
  Record record;
  data.read(3, {}, record);
  EXPECT_EQ(record.image[1], (3 * 24 + 1) * 37 % 256);
  EXPECT_EQ(record.targets[0].label, 2);
  EXPECT_EQ(record.targets[1].values[1], 7.0f);
  EXPECT_EQ(record.targets[2].mask[7], 1);
  EXPECT_TRUE(data.class_names(0).empty());
}

TEST_F(DatasetFolder, TargetsMayBeMissing) {
  const Dataset data = open();
  for (std::uint64_t i = 0; i < n; ++i) {
    Record record;
    data.read(i, {}, record);
    EXPECT_EQ(data.labelled(i, 0), i != 2) << i;
    EXPECT_EQ(record.targets[0].label >= 0, i != 2) << i;
    EXPECT_EQ(data.labelled(i, 1), i != 2 && i != 4) << i;  // half a missing value is missing
    EXPECT_EQ(record.targets[1].values != nullptr, i != 2 && i != 4) << i;
    EXPECT_EQ(data.labelled(i, 2), i != 1) << i;  // one missing pixel is no missing mask
  }
  for (int t = 0; t < 3; ++t) EXPECT_FALSE(data.complete(t)) << t;
}

TEST_F(DatasetFolder, LabelsOfEveryIntegerType) {
  const auto check = [&]<class T>(DType dtype, std::vector<T> labels) {
    save(folder_ / "colour.npy", dtype, {}, labels);
    const Dataset data = open();
    for (std::uint64_t i = 0; i < n; ++i)
      EXPECT_EQ(data.label(i, 0), i == 5 ? 4 : static_cast<int>(i % 2)) << to_string(dtype);
    EXPECT_TRUE(data.complete(0));
    labels[3] = 5;
    save(folder_ / "colour.npy", dtype, {}, labels);
    EXPECT_PRED2(holds, error(), "3: ...colour.npy, record 3: class 5...5 classes, 0 to 4");
    labels[3] = std::numeric_limits<T>::max();
    save(folder_ / "colour.npy", dtype, {}, labels);
    EXPECT_PRED2(holds, error(), "3: ...colour.npy, record 3: class ");
  };
  check(DType::i8, std::vector<std::int8_t>{0, 1, 0, 1, 0, 4});
  check(DType::i16, std::vector<std::int16_t>{0, 1, 0, 1, 0, 4});
  check(DType::i32, std::vector<std::int32_t>{0, 1, 0, 1, 0, 4});
  check(DType::i64, std::vector<std::int64_t>{0, 1, 0, 1, 0, 4});
  check(DType::u8, std::vector<std::uint8_t>{0, 1, 0, 1, 0, 4});
  check(DType::u16, std::vector<std::uint16_t>{0, 1, 0, 1, 0, 4});
  check(DType::u32, std::vector<std::uint32_t>{0, 1, 0, 1, 0, 4});
  check(DType::u64, std::vector<std::uint64_t>{0, 1, 0, 1, 0, 4});
  save(folder_ / "colour.npy", DType::i64, {}, std::vector<std::int64_t>{0, 0, 0, INT64_MIN, 0, 0});
  EXPECT_EQ(open().label(3, 0), -1);
}

TEST_F(DatasetFolder, MasksAreCompleteWhereNoPixelIsMissing) {
  Bytes part(n * 8, 1);
  save(folder_ / "part.npy", DType::u8, {2, 4}, part);
  EXPECT_TRUE(open().complete(2));
  part.back() = 255;
  save(folder_ / "part.npy", DType::u8, {2, 4}, part);
  EXPECT_FALSE(open().complete(2));
}

TEST_F(DatasetFolder, AWrongMaskPixelIsFoundWhereverItIs) {
  constexpr PictureShape large{1, 10, 10};
  constexpr TargetSpec part[]{{"part", TargetKind::mask, 3}};
  save(folder_ / "images.npy", DType::u8, {1, 10, 10}, Bytes(200));
  save(folder_ / "split.npy", DType::u8, {}, Bytes(2));
  for (std::size_t i = 0; i < 200; ++i) {
    Bytes pixels(200, i % 2 == 0 ? 2 : 255);
    pixels[i] = i % 3 == 0 ? 3 : 254;
    save(folder_ / "part.npy", DType::u8, {10, 10}, pixels);
    EXPECT_PRED2(
        holds, error_of([&] { Dataset(folder_.path(), large, part); }),
        i < 100 ? "3: ...record 0: a pixel of class " : "3: ...record 1: a pixel of class ")
        << i;
  }
}

TEST_F(DatasetFolder, StatisticsAreComputedWhereTheyAreAbsent) {
  const Dataset data = open();
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (std::uint64_t rank = 0; rank < 3; ++rank) {
      Record record;
      data.read(data.record(Split::train, rank), {}, record);
      for (std::size_t i = 0; i < 8; ++i) {
        sum += record.image[8 * c + i];
        squares += record.image[8 * c + i] * record.image[8 * c + i];
      }
    }
    const double mean = sum / 24;
    EXPECT_FLOAT_EQ(data.mean()[c], static_cast<float>(mean));
    EXPECT_FLOAT_EQ(data.deviation()[c], static_cast<float>(std::sqrt(squares / 24 - mean * mean)));
  }
}

TEST_F(DatasetFolder, AConstantChannelHasDeviationOne) {
  save(folder_ / "images.npy", DType::u8, {3, 2, 4}, Bytes(n * shape.bytes(), 9));
  const Dataset data = open();
  EXPECT_EQ(data.mean()[0], 9.0f);
  EXPECT_EQ(data.deviation()[0], 1.0f);
}

TEST_F(DatasetFolder, WithoutTrainingRecordsThereIsNoMean) {
  save(folder_ / "split.npy", DType::u8, {}, Bytes(n, 2));
  EXPECT_TRUE(open().mean().empty());
}

TEST_F(DatasetFolder, FilesMayBeAbsentWherePredictAllowsIt) {
  fs::remove(folder_ / "split.npy");
  fs::remove(folder_ / "colour.npy");
  EXPECT_PRED2(holds, error(), "3: ...split.npy is missing...uint8...0 train");
  EXPECT_PRED2(holds, error({.split_required = false}), "3: ...colour.npy is missing...'colour'");
  const Dataset data = open({.targets_required = false, .split_required = false});
  EXPECT_EQ(data.size(Split::test), 6u);
  EXPECT_EQ(data.size(Split::train), 0u);
  EXPECT_EQ(data.record(Split::test, 4), 4u);
  EXPECT_FALSE(data.labelled(0, 0));
  EXPECT_EQ(data.label(0, 0), -1);
}

TEST_F(DatasetFolder, WrongPicturesAreRefused) {
  save(folder_ / "images.npy", DType::u8, {2, 4, 3}, Bytes(n * shape.bytes()));
  EXPECT_PRED2(holds, error(), "3: ...images.npy has shape (6, 2, 4, 3)...(N, 3, 2, 4)");
  save(folder_ / "images.npy", DType::f32, {3, 2, 4}, std::vector<float>(n * shape.bytes()));
  EXPECT_PRED2(holds, error(), "3: ...images.npy has dtype float32...astype('uint8')");
  save(folder_ / "images.npy", DType::u8, {3, 2, 4}, Bytes());
  EXPECT_PRED2(holds, error(), "3: ...no pictures");
  fs::remove(folder_ / "images.npy");
  EXPECT_PRED2(holds, error(), "4: cannot open ...images.npy");
  EXPECT_ERROR(Dataset(folder_ / "none", shape, specs), "4: ...is not a folder...`import`");
}

TEST_F(DatasetFolder, WrongSplitsAreRefused) {
  save(folder_ / "split.npy", DType::u8, {}, Bytes{0, 1, 3, 0, 0, 0});
  EXPECT_PRED2(holds, error(), "3: ...split.npy, record 2: 3 is no split");
  save(folder_ / "split.npy", DType::u8, {}, Bytes{0, 1});
  EXPECT_PRED2(holds, error(), "3: ...split.npy is uint8 of shape (2,), not uint8 of shape (6,)");
  save(folder_ / "split.npy", DType::i64, {}, std::vector<std::int64_t>(n));
  EXPECT_PRED2(holds, error(), "3: ...split.npy is int64");
}

TEST_F(DatasetFolder, WrongTargetsAreRefused) {
  save(folder_ / "position.npy", DType::f64, {2}, std::vector<double>(2 * n));
  EXPECT_PRED2(holds, error(), "3: ...position.npy has dtype float64...astype('float32')");
  save(folder_ / "position.npy", DType::f32, {3}, std::vector<float>(3 * n));
  EXPECT_PRED2(holds, error(), "3: ...position.npy has shape (6, 3), not (6, 2)");
  std::vector<float> values(2 * n);
  values[7] = -std::numeric_limits<float>::infinity();
  save(folder_ / "position.npy", DType::f32, {2}, values);
  EXPECT_PRED2(holds, error(), "3: ...position.npy, record 3: an infinite value...NaN");
  save(folder_ / "position.npy", DType::f32, {2}, std::vector<float>(2 * n));

  Bytes part(n * 8, 2);
  part[41] = 3;
  save(folder_ / "part.npy", DType::u8, {2, 4}, part);
  EXPECT_PRED2(holds, error(), "3: ...part.npy, record 5: a pixel of class 3...0 to 2");
  save(folder_ / "part.npy", DType::u8, {4, 2}, Bytes(n * 8));
  EXPECT_PRED2(holds, error(), "3: ...part.npy has shape (6, 4, 2), not (6, 2, 4)");
  save(folder_ / "part.npy", DType::i64, {2, 4}, std::vector<std::int64_t>(n * 8));
  EXPECT_PRED2(holds, error(), "3: ...part.npy has dtype int64, not uint8");

  save(folder_ / "colour.npy", DType::f32, {}, std::vector<float>(n));
  EXPECT_PRED2(holds, error(), "3: ...colour.npy has dtype float32...astype('int32')");
  save(folder_ / "colour.npy", DType::i8, {1}, std::vector<std::int8_t>(n));
  EXPECT_PRED2(holds, error(), "3: ...colour.npy has shape (6, 1), not (6,)");
  save(folder_ / "colour.npy", DType::i8, {}, std::vector<std::int8_t>(n + 1));
  EXPECT_PRED2(holds, error(), "3: ...colour.npy has shape (7,), but images.npy has 6 records");
}

TEST_F(DatasetFolder, DescriptionIsHeldAgainstTheExperiment) {
  const auto described = [&](std::string_view json) {
    write_text(folder_ / "dataset.json", json);
    return error();
  };
  EXPECT_EQ(described("{}"), "no error");
  EXPECT_EQ(described(R"({"mean":[1,2,3.5],"deviation":[4,5,6],"targets":{"colour":)"
                      R"({"classes":["a","b","c","d","é"]}}})"),
            "no error");
  const Dataset data = open();
  EXPECT_EQ(data.mean()[2], 3.5f);
  EXPECT_EQ(data.deviation()[0], 4.0f);
  EXPECT_EQ(data.class_names(0)[4], "é");
  EXPECT_PRED2(holds, described("[]"), "3: ...dataset.json is not a JSON object");
  EXPECT_PRED2(holds, described("{"), "3: ...dataset.json: bad JSON");
  EXPECT_PRED2(holds, described(R"({"mean":[1],"mean":[2]})"), "3: ...\"mean\" occurs twice");
  EXPECT_PRED2(holds, described(R"({"format":"zip"})"), "3: ...another format");
  EXPECT_PRED2(holds, described(R"({"version":2})"), "3: ...another format or version");
  EXPECT_PRED2(holds, described(R"({"mean":[1,2]})"), "3: ...\"mean\" is not a list of 3 numbers");
  EXPECT_PRED2(holds, described(R"({"deviation":[1,0,1]})"), "3: ...3 positive numbers");
  EXPECT_PRED2(holds, described(R"({"deviation":[1,1e-44,1]})"), "3: ...3 positive numbers");
  EXPECT_PRED2(holds, described(R"({"mean":[1,"x",1]})"), "3: ...\"mean\"");
  EXPECT_PRED2(holds, described(R"({"mean":[1,1e300,1]})"), "3: ...\"mean\"");
  EXPECT_PRED2(holds, described(R"({"targets":{"colour":{"classes":["a"]}}})"),
               "3: ...the classes of target 'colour' are 1, but the experiment has 5");
  EXPECT_PRED2(holds, described(R"({"targets":{"colour":{"classes":7}}})"), "3: ...not a list");
  EXPECT_PRED2(holds, described(R"({"targets":{"colour":{"classes":["a","b","","d","e"]}}})"),
               "3: ...not all text of a letter or more");
  EXPECT_PRED2(
      holds, described(R"({"checksums":{"colour.npy":"0123456789abcdef"}})"),
      "3: ...colour.npy is not the file that dataset.json describes...remove dataset.json");
  EXPECT_PRED2(holds, described(R"({"checksums":{"images.npy":"0123456789abcdef"}})"),
               "3: ...images.npy is not the file");
  EXPECT_EQ(error({.verify_images_up_to = 10}), "no error");  // too large to look at
}

TEST_F(DatasetFolder, FingerprintSeesEveryPixelAndLabel) {
  const std::uint64_t before = open().fingerprint();
  using Place = std::pair<const char*, std::size_t>;  // of a byte of the last record, from the end
  for (const auto& [name, from_end] :
       {Place{"images.npy", 1}, Place{"part.npy", 1}, Place{"position.npy", 4},
        Place{"colour.npy", 8}, Place{"split.npy", 1}}) {
    const std::string sound = read_text(folder_ / name);
    const auto time = fs::last_write_time(folder_ / name);
    std::string changed = sound;
    changed[changed.size() - from_end] ^= 1;
    write_text(folder_ / name, changed);
    fs::last_write_time(folder_ / name, time);
    EXPECT_NE(open().fingerprint(), before) << name;
    write_text(folder_ / name, sound);
    EXPECT_EQ(open().fingerprint(), before) << name;
  }
}

TEST_F(DatasetFolder, FingerprintIsTheSameHoweverItIsComputed) {
  const std::uint64_t expected = open().fingerprint();
  Dataset beside(folder_.path(), shape, specs);
  beside.begin_fingerprint();
  EXPECT_EQ(beside.fingerprint(), expected);
  EXPECT_EQ(beside.fingerprint(), expected);
  Dataset never(folder_.path(), shape, specs);  // nobody waits for it
  never.begin_fingerprint();
  // Held against a checksum, pictures are hashed once; too large for that, later.
  const MappedFile images(folder_ / "images.npy");
  write_text(folder_ / "dataset.json",
             "{\"checksums\":{\"images.npy\":\"" + checksum_text(images.bytes()) + "\"}}");
  EXPECT_EQ(open().fingerprint(), expected);
  EXPECT_EQ(open({.verify_images_up_to = 10}).fingerprint(), expected);
}

TEST_F(DatasetFolder, GroupsOfEveryIntegerType) {
  for (const char* name : {"group", "images", "split"})
    EXPECT_PRED2(holds, error_of([&] { (void)target_file(name); }), "2: a target cannot be named");
  EXPECT_FALSE(open().has_groups());
  const std::uint64_t before = open().fingerprint();
  save(folder_ / "group.npy", DType::i16, {}, std::vector<std::int16_t>{3, -1, 3, 700, -1, 3});
  EXPECT_TRUE(open().has_groups());
  EXPECT_EQ(open().group(1), -1);
  EXPECT_EQ(open().group(3), 700);
  EXPECT_NE(open().fingerprint(), before);
  EXPECT_FALSE(open({.reads_groups = false}).has_groups());
  save(folder_ / "group.npy", DType::u64, {},
       std::vector<std::uint64_t>{1, 2, 3, ~std::uint64_t{0}, ~std::uint64_t{1}, 6});
  EXPECT_NE(open().group(3), open().group(4));
  for (const char* file : {"colour.npy", "position.npy"}) {
    // Five numbers, and floats.
    fs::copy_file(folder_ / file, folder_ / "group.npy", fs::copy_options::overwrite_existing);
    if (file == std::string("colour.npy"))
      save(folder_ / "group.npy", DType::i32, {}, std::vector<std::int32_t>(5));
    EXPECT_PRED2(holds, error(), "3: ...group.npy is ...not integers of shape (6,)");
  }
  save(folder_ / "group.npy", DType::i32, {}, std::vector<std::int32_t>(6));
  write_text(folder_ / "dataset.json", "{\"checksums\":{\"group.npy\":\"00\"}}");
  EXPECT_PRED2(holds, error(), "3: ...group.npy is not the file that dataset.json describes");
}

TEST_F(DatasetFolder, WeightsAreChecked) {
  EXPECT_FALSE(open().has_weights());
  EXPECT_EQ(open().weight(3), 1.0f);
  const std::uint64_t none = open().fingerprint();
  EXPECT_ERROR(target_file("weight"), "2: a target cannot be named 'weight'");
  const fs::path file = folder_ / "weight.npy";
  save(file, DType::f32, {}, std::vector<float>{1, 0, 0.5, 1e12f, 1e-12f, 2});
  EXPECT_TRUE(open().has_weights());
  EXPECT_EQ(open().weight(2), 0.5f);
  EXPECT_NE(open().fingerprint(), none);
  EXPECT_FALSE(open({.reads_groups = false}).has_weights());
  save(file, DType::f64, {}, std::vector<double>{1, 0, 0.1, 3, 4, 2});
  EXPECT_EQ(open().weight(2), 0.1f);
  for (const float wrong : {-1.0f, nan, std::numeric_limits<float>::infinity(), 1e-20f, 1e20f}) {
    save(file, DType::f32, {}, std::vector<float>{1, 1, 1, wrong, 1, 1});
    EXPECT_PRED2(holds, error(),
                 "3: ...weight.npy, record 3: a weight of ...neither 0 nor from 1e-12")
        << wrong;
  }
  save(file, DType::f32, {1}, std::vector<float>(6, 1.0f));
  EXPECT_PRED2(holds, error(),
               "3: ...weight.npy is float32 of shape (6, 1)...x.reshape(-1).astype('float32')");
  save(file, DType::i32, {}, std::vector<std::int32_t>(6, 1));
  EXPECT_PRED2(holds, error(), "3: ...weight.npy is int32...astype('float32')");
  save(file, DType::f32, {}, std::vector<float>(5, 1.0f));
  EXPECT_PRED2(holds, error(),
               "3: ...weight.npy is float32 of shape (5,), not float32 of shape (6,)");
  save(file, DType::f32, {}, std::vector<float>(6, 1.0f));
  write_text(folder_ / "dataset.json", "{\"checksums\":{\"weight.npy\":\"00\"}}");
  EXPECT_PRED2(holds, error(), "3: ...weight.npy is not the file that dataset.json describes");
}

TEST_F(DatasetFolder, RecordsOfASplitAreVisitedInOrder) {
  const Dataset data = open();
  std::vector<std::uint64_t> visited;
  data.each_record(Split::train, [&](std::uint64_t record) { visited.push_back(record); });
  EXPECT_EQ(visited, (std::vector<std::uint64_t>{0, 2, 4}));
}

TEST_F(DatasetFolder, FingerprintTellsDataSetsApart) {
  const std::uint64_t before = open().fingerprint();
  EXPECT_EQ(open().fingerprint(), before);
  save(folder_ / "split.npy", DType::u8, {}, Bytes{0, 1, 0, 2, 0, 0});
  EXPECT_NE(open().fingerprint(), before);
}

TEST(DatasetRanks, AgreeWithCountingForManyRecords) {
  const TemporaryFolder folder;
  constexpr std::uint64_t n = 50'000;  // strides of 1, 2 and 10
  Bytes splits;
  std::array<std::vector<std::uint64_t>, 3> expected;
  const RandomStream random(1, Purpose::shuffle, 0, 0);
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t roll = bounded(random.draw(i)[0], 100);
    splits.push_back(roll < 80 ? 0 : roll < 85 ? 1 : 2);
    expected[splits.back()].push_back(i);
  }
  save(folder / "images.npy", DType::u8, {1, 1, 1}, Bytes(n));
  save(folder / "split.npy", DType::u8, {}, splits);
  const Dataset data(folder.path(), {1, 1, 1}, {});
  for (std::size_t s = 0; s < 3; ++s) {
    ASSERT_EQ(data.size(static_cast<Split>(s)), expected[s].size());
    for (std::uint64_t rank = 0; rank < expected[s].size(); ++rank)
      ASSERT_EQ(data.record(static_cast<Split>(s), rank), expected[s][rank]);
  }
}

// --- writing -------------------------------------------------------------------------------------

class DatasetWriting : public ::testing::Test {
 protected:
  fs::path out() const { return folder_ / "data"; }
  // Writes a record whose pixels and targets follow from `i`.
  void append(DatasetWriter& writer, int i, Split split) {
    for (std::size_t k = 0; k < picture_.size(); ++k)
      picture_[k] = static_cast<std::uint8_t>(i * 50 + static_cast<int>(k));
    const std::array<float, 2> position{static_cast<float>(i), i == 2 ? nan : 0.5f};
    const Bytes mask(8, static_cast<std::uint8_t>(i % 3));
    Record record;
    record.image = picture_.data();
    record.targets[0].label = i == 1 ? -1 : i;
    record.targets[1].values = i == 3 ? nullptr : position.data();
    record.targets[2].mask = i == 0 ? nullptr : mask.data();
    writer.append(record, split);
  }
  DatasetSummary write(bool replace = false, int records = 4) {
    DatasetWriter writer(out(), shape, specs, replace);
    writer.set_class_names(0, {"a", "b", "c", "d", "e"});
    for (int i = 0; i < records; ++i)
      append(writer, i, i < 2 ? Split::train : i == 2 ? Split::validation : Split::test);
    return writer.finish({{"source", "test"}});
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  TemporaryFolder folder_;
  Bytes picture_ = Bytes(shape.bytes());
};

TEST_F(DatasetWriting, ReadsBack) {
  const DatasetSummary summary = write();
  EXPECT_EQ(summary.records, (std::array<std::uint64_t, 3>{2, 1, 1}));
  EXPECT_EQ(summary.targets[0].counts[0], (std::vector<std::uint64_t>{1, 0, 0, 0, 0}));
  EXPECT_EQ(summary.targets[0].missing, (std::array<std::uint64_t, 3>{1, 0, 0}));
  EXPECT_EQ(summary.targets[1].missing, (std::array<std::uint64_t, 3>{0, 1, 1}));
  EXPECT_EQ(summary.targets[2].missing, (std::array<std::uint64_t, 3>{1, 0, 0}));
  const Dataset data(out(), shape, specs);
  EXPECT_EQ(data.class_names(0)[3], "d");
  Record record;
  data.read(data.record(Split::test, 0), {}, record);
  EXPECT_EQ(record.image[5], 155);
  EXPECT_EQ(record.targets[0].label, 3);
  EXPECT_EQ(record.targets[1].values, nullptr);
  EXPECT_EQ(record.targets[2].mask[0], 0);
  EXPECT_FALSE(data.labelled(0, 2));
  EXPECT_EQ(entries(), 1u);  // nothing is left beside the folder
  // The mean in dataset.json is the one that is computed without it, bit for bit.
  const std::vector<float> mean(data.mean().begin(), data.mean().end());
  const std::vector<float> deviation(data.deviation().begin(), data.deviation().end());
  EXPECT_EQ(mean, summary.mean);
  fs::remove(out() / "dataset.json");
  const Dataset bare(out(), shape, specs);
  EXPECT_TRUE(std::equal(mean.begin(), mean.end(), bare.mean().begin()));
  EXPECT_TRUE(std::equal(deviation.begin(), deviation.end(), bare.deviation().begin()));
}

TEST_F(DatasetWriting, GroupsAreKeptWhereThereAreAny) {
  DatasetWriter writer(out(), shape, specs, false);
  writer.keep_groups();
  const Bytes picture(shape.bytes());
  for (const std::int64_t group : {5, -3, 5})
    writer.append({.image = picture.data(), .targets = {}}, Split::train, group);
  writer.finish({});
  const Dataset data(out(), shape, specs);
  EXPECT_EQ(data.group(1), -3);
  write_dataset(data, folder_ / "copy", shape, specs, false, {});
  EXPECT_EQ(read_text(folder_ / "copy/group.npy"), read_text(out() / "group.npy"));
  write(true);
  EXPECT_FALSE(Dataset(out(), shape, specs).has_groups());
}

TEST_F(DatasetWriting, WeightsAreKeptWhereThereAreAny) {
  const std::vector<std::uint8_t> picture(shape.bytes(), 1);
  {
    DatasetWriter writer(out(), shape, {}, false);
    writer.keep_weights();
    for (const float weight : {0.5f, 0.0f, 3.0f})
      writer.append({.image = picture.data(), .targets = {}}, Split::train, 0, weight);
    writer.finish({});
  }
  const Dataset data(out(), shape, {});
  EXPECT_EQ(data.weight(0), 0.5f);
  EXPECT_EQ(data.weight(1), 0.0f);
  write_dataset(data, folder_ / "copy", shape, {}, false, {});
  EXPECT_EQ(read_text(folder_ / "copy/weight.npy"), read_text(out() / "weight.npy"));
  DatasetWriter wrong(folder_ / "wrong", shape, {}, false);
  wrong.keep_weights();
  EXPECT_ERROR(wrong.append({.image = picture.data(), .targets = {}}, Split::train, 0, -1.0f),
               "3: record 0: a weight of -1, which is neither 0 nor");
}

TEST_F(DatasetWriting, NothingUnderTheNameBeforeTheEnd) {
  {
    DatasetWriter writer(out(), shape, specs, false);
    append(writer, 0, Split::train);
    EXPECT_FALSE(fs::exists(out()));
  }
  EXPECT_EQ(entries(), 0u);
  DatasetWriter writer(out(), shape, specs, false);
  EXPECT_ERROR(writer.finish({}), "3: no record");
}

TEST_F(DatasetWriting, ReplacesOnlyWhenToldAndOnlyDataSets) {
  write();
  EXPECT_ERROR(write(), "2: ...data exists...--force");
  write(true, 3);
  EXPECT_EQ(Dataset(out(), shape, specs).size(), 3u);
  EXPECT_EQ(entries(), 1u);
  write_text(out() / "thesis.txt", "precious");
  EXPECT_ERROR(write(true), "2: ...data holds thesis.txt");
  EXPECT_EQ(read_text(out() / "thesis.txt"), "precious");
  fs::remove_all(out());
  write_text(out(), "a file");
  EXPECT_ERROR(write(true), "2: ...is no folder");
  EXPECT_ERROR(DatasetWriter("..", shape, specs, true), "2: ...give it a name");
}

TEST_F(DatasetWriting, TakesThePlaceOfAKilledImport) {
  fs::create_directories(folder_ / ".data.partial");
  write_text(folder_ / ".data.partial/old.npy", "rest");
  write_text(folder_ / ".data.partial/lock", "");
  write();
  EXPECT_FALSE(fs::exists(out() / "old.npy"));
  EXPECT_FALSE(fs::exists(out() / "lock"));
  EXPECT_EQ(entries(), 1u);
}

TEST_F(DatasetWriting, TwoAtOnceAreRefused) {
  DatasetWriter first(out(), shape, specs, false);
  EXPECT_ERROR(DatasetWriter(out(), shape, specs, false), "4: ...in use by process");
  append(first, 0, Split::train);
  first.finish({});
  EXPECT_EQ(Dataset(out(), shape, specs).size(), 1u);
}

TEST_F(DatasetWriting, RecordsOutOfRangeAreRefused) {
  DatasetWriter writer(out(), shape, specs, false);
  EXPECT_ERROR(append(writer, 5, Split::train), "3: ...class 5 of target 'colour', which has 5");
  const TargetSpec evil{"../x", TargetKind::classes, 2}, clash{"images", TargetKind::classes, 2};
  EXPECT_ERROR(DatasetWriter(folder_ / "b", shape, std::span(&evil, 1), false), "2: ...'../x'");
  EXPECT_ERROR(DatasetWriter(folder_ / "b", shape, std::span(&clash, 1), false), "2: ...'images'");
  EXPECT_FALSE(fs::exists(folder_ / ".b.partial"));
}

TEST_F(DatasetWriting, AnySourceCanBeWritten) {
  write();
  const Dataset source(out(), shape, specs);
  std::vector<std::uint64_t> progress;
  write_dataset(source, folder_ / "copy/of/it/", shape, specs, false, {},
                [&](std::uint64_t done, std::uint64_t) { progress.push_back(done); });
  EXPECT_EQ(progress, (std::vector<std::uint64_t>{1, 2, 3, 4}));
  for (const char* file : {"images.npy", "split.npy", "colour.npy", "position.npy", "part.npy"})
    EXPECT_EQ(read_text(folder_ / "copy/of/it" / file), read_text(out() / file)) << file;
  EXPECT_EQ(Dataset(folder_ / "copy/of/it", shape, specs).class_names(0)[1], "b");
}

}  // namespace
}  // namespace medley
