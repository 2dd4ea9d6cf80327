// `import --idx`: from IDX files to a dataset folder.
#include "medley/import/import_idx.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "medley/data/dataset.hpp"
#include "medley/import/import_options.hpp"
#include "tests/files_helpers.hpp"
#include "tests/idx_helpers.hpp"

namespace medley {
namespace {

constexpr PictureShape gray{1, 2, 2};
constexpr TargetSpec targets[]{{"kind", TargetKind::classes, 3},
                               {"place", TargetKind::values, 2},
                               {"mask", TargetKind::mask, 2}};

// Big-endian float32.
std::string floats(const std::vector<float>& numbers) {
  std::string text;
  for (const float number : numbers) {
    for (const int shift : {24, 16, 8, 0})
      text += static_cast<char>(std::bit_cast<std::uint32_t>(number) >> shift);
  }
  return text;
}

class ImportIdx : public ::testing::Test {
 protected:
  // Record i of `count` has pixels, label, place and mask of i; from `first` on.
  ImportIdx() {
    std::string pixels, labels, masks;
    std::vector<float> places;
    for (int i = 0; i < 20; ++i) {
      pixels += std::string(4, static_cast<char>(i));
      labels += static_cast<char>(i % 3);
      masks += std::string{static_cast<char>(i % 2), 0, 1, '\xFF'};
      places.insert(places.end(), {static_cast<float>(i), -0.5f});
    }
    write("images", make_idx({20, 2, 2}, pixels));
    write("kind", compressed(make_idx({20}, labels)));
    write("place", make_idx({20, 2}, floats(places), 0x0D));
    write("mask", make_idx({20, 2, 2}, masks));
    request_.shape = gray;
    request_.targets = targets;
    request_.records = files("");
    request_.out = folder_ / "out";
    request_.force = true;
  }
  void write(const std::string& name, const std::string& bytes) const {
    write_text(folder_ / name, bytes);
  }
  IdxFiles files(const std::string& start) const {
    return {folder_ / (start + "images"),
            {{"kind", folder_ / (start + "kind")},
             {"place", folder_ / (start + "place")},
             {"mask", folder_ / (start + "mask")}}};
  }
  // What an import says, from the name of a file on.
  std::string error() const {
    const std::string text = error_of([&] { import_idx(request_); });
    const std::size_t at = text.find(folder_.path().string());
    return at == std::string::npos
               ? text
               : text.substr(0, at) + text.substr(at + folder_.path().string().size() + 1);
  }
  Dataset imported() {
    import_idx(request_);
    return Dataset(request_.out, request_.shape, request_.targets);
  }

  TemporaryFolder folder_;
  IdxRequest request_;
};

TEST_F(ImportIdx, RecordsKeepTheirTargets) {
  const Dataset data = imported();
  ASSERT_EQ(data.size(), 20u);
  for (std::uint64_t i = 0; i < 20; ++i) {
    Record record;
    data.read(i, {}, record);
    EXPECT_EQ(record.image[3], i);
    EXPECT_EQ(record.targets[0].label, static_cast<int>(i % 3));
    EXPECT_EQ(record.targets[1].values[0], static_cast<float>(i));
    EXPECT_EQ(record.targets[1].values[1], -0.5f);
    EXPECT_EQ(record.targets[2].mask[0], i % 2);
    EXPECT_EQ(record.targets[2].mask[3], 255);
  }
}

TEST_F(ImportIdx, SplitsFollowFractionsAndSeed) {
  request_.fractions = {500'000, 250'000, 250'000};
  const auto trained = [&] {
    const Dataset data = imported();
    EXPECT_EQ(data.size(Split::train), 10u);
    EXPECT_EQ(data.size(Split::validation), 5u);
    std::vector<std::uint64_t> records;
    for (std::uint64_t r = 0; r < 10; ++r) records.push_back(data.record(Split::train, r));
    return records;
  };
  const auto first = trained();
  EXPECT_EQ(first, trained());
  request_.seed = 2;
  EXPECT_NE(first, trained());
}

TEST_F(ImportIdx, FilesOfTheTestSplitAreThatSplit) {
  for (const char* const name : {"images", "kind", "place", "mask"})
    write(std::string("t-") + name, read_text(folder_ / name));
  request_.test = files("t-");
  request_.fractions = {500'000, 250'000, 250'000};
  const Dataset data = imported();
  EXPECT_EQ(data.size(Split::train), 15u);
  EXPECT_EQ(data.size(Split::validation), 5u);
  EXPECT_EQ(data.size(Split::test), 20u);
  EXPECT_EQ(data.record(Split::test, 0), 20u);
}

TEST_F(ImportIdx, PicturesAreFittedAndColoursKeepTheirPlanes) {
  write("images", make_idx({1, 3, 2, 2}, "aaaabbbbcccc"));
  write("kind", make_idx({1}, "\x01"));
  constexpr TargetSpec kind[]{{"kind", TargetKind::classes, 2}};
  request_.targets = kind;
  for (const PictureShape shape : {PictureShape{3, 2, 2}, PictureShape{3, 5, 5}}) {
    request_.shape = shape;
    const Dataset data = imported();
    Record record;
    data.read(0, {}, record);
    const std::size_t plane = shape.bytes() / 3;
    for (std::size_t i = 0; i < shape.bytes(); ++i)
      EXPECT_EQ(record.image[i], "abc"[i / plane]) << i;
  }
}

TEST_F(ImportIdx, NegativeAndNanAreNotKnown) {
  write("images", make_idx({2, 2, 2}, std::string(8, '\0')));
  write("kind", make_idx({2}, "\xFF\x02", 0x09));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  write("place", make_idx({2, 2}, floats({1, nan, 1, 2}), 0x0D));
  write("mask", make_idx({2, 2, 2}, "\xFF\xFF\xFF\xFF\1\1\1\1"));
  const Dataset data = imported();
  for (int t = 0; t < 3; ++t) {
    EXPECT_FALSE(data.labelled(0, t)) << t;
    EXPECT_TRUE(data.labelled(1, t)) << t;
  }
}

TEST_F(ImportIdx, FaultsAreToldWithFileRecordAndRemedy) {
  const IdxRequest sound = request_;
  write("bad", make_idx({20}, std::string(7, '\0') + '\x03' + std::string(12, '\0')));
  request_.records.targets["kind"] = folder_ / "bad";
  EXPECT_EQ(error(),
            "3: bad, record 7: 3 is none of the classes 0 to 2 of the target 'kind'; negative "
            "numbers say that a class is not known");
  request_ = sound;
  write("bad", make_idx({20, 2, 2}, std::string(9, '\0') + '\x02' + std::string(70, '\0')));
  request_.records.targets["mask"] = folder_ / "bad";
  EXPECT_EQ(error(),
            "3: bad, record 2: 2 is none of the classes 0 to 1 of the mask 'mask'; 255 says that a "
            "pixel is not known");
  request_ = sound;
  std::vector<float> places(40);
  places[39] = std::numeric_limits<float>::infinity();
  write("bad", make_idx({20, 2}, floats(places), 0x0D));
  request_.records.targets["place"] = folder_ / "bad";
  EXPECT_EQ(error().substr(0, 24), "3: bad, record 19: inf o");
  request_ = sound;
  write("bad", make_idx({19}, std::string(19, '\0')));
  request_.records.targets["kind"] = folder_ / "bad";
  EXPECT_EQ(error().substr(0, 26), "3: bad has 19 records, but");
  request_ = sound;
  request_.records.targets.erase("place");
  EXPECT_NE(error().find("give --idx-labels place=FILE"), std::string::npos) << error();
  request_ = sound;
  request_.records.images = folder_ / "kind";
  EXPECT_EQ(error(),
            "3: kind: pictures of this experiment are uint8, N x height x width; these are "
            "uint8, 20");
  request_ = sound;
  request_.records.targets["kind"] = folder_ / "place";
  EXPECT_EQ(error(), "3: place: the target 'kind' needs integers, N; this is float32, 20 x 2");
}

TEST(ImportIdxOptions, SayWhatBelongsTogether) {
  const auto parse = [](const std::vector<std::string>& arguments) {
    return parse_import_options(arguments, targets, false);
  };
  const ImportOptions o =
      parse({"--idx", "a", "--idx-labels", "kind=b", "--idx-labels=place=c", "--idx-test=d",
             "--idx-test-labels", "kind=e", "--out", "f", "--seed", "3"});
  const IdxRequest& request = std::get<IdxSource>(o.source).request;
  EXPECT_EQ(request.records.images, "a");
  EXPECT_EQ(request.records.targets.at("place"), "c");
  EXPECT_EQ(request.test.targets.at("kind"), "e");
  EXPECT_EQ(request.seed, 3u);
  const auto error = [&](const std::vector<std::string>& arguments) {
    return error_of([&] { parse(arguments); });
  };
  EXPECT_EQ(error({"--idx", "a", "--csv", "b", "--out", "c"}), "2: import --idx takes no --csv");
  EXPECT_EQ(error({"--idx-labels", "kind=b", "--out", "c"}),
            "2: --idx-labels needs --idx, the file of the pictures");
  EXPECT_EQ(error({"--idx", "a", "--idx-test-labels", "kind=b", "--out", "c"}),
            "2: --idx-test-labels needs --idx-test, the file of their pictures");
  EXPECT_EQ(error({"--idx", "a", "--idx-labels", "kind=b", "--idx-labels", "kind=c", "--out", "d"}),
            "2: --idx-labels: the target 'kind' twice");
}

}  // namespace
}  // namespace medley
