// Records as the others read them: the first process's, in its order, from its folder or from a copy.
#include "medley/processes/shared_records.hpp"

#include <gtest/gtest.h>

#include "medley/data/folds.hpp"
#include "medley/files/npy.hpp"
#include "tests/files_helpers.hpp"
#include "tests/scripted_engine.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

// Ten records of one channel, some without a label, with weights.
class SharedFolder : public ::testing::Test {
 protected:
  static constexpr std::uint64_t n = 10;
  SharedFolder() {
    const fs::path folder = folder_ / "first";
    fs::create_directory(folder);
    Bytes images, split;
    std::vector<std::int32_t> kind;
    std::vector<float> weights;
    for (std::uint64_t i = 0; i < n; ++i) {
      for (std::uint64_t p = 0; p < 4; ++p) images.push_back(static_cast<std::uint8_t>(i * 19 + p));
      split.push_back(static_cast<std::uint8_t>(i % 5 == 3 ? 1 : i % 5 == 4 ? 2 : 0));
      kind.push_back(i == 2 ? -1 : static_cast<std::int32_t>(i % 2));
      weights.push_back(static_cast<float>(i) / 4.0f);
    }
    save(folder / "images.npy", DType::u8, {1, 2, 2}, images);
    save(folder / "split.npy", DType::u8, {}, split);
    save(folder / "kind.npy", DType::i32, {}, kind);
    save(folder / "weight.npy", DType::f32, {}, weights);
  }
  template <class T>
  static void save(const fs::path& path, DType type, std::vector<std::uint64_t> record,
                   const std::vector<T>& values) {
    NpyWriter writer(path, type, std::move(record));
    auto bytes = std::as_bytes(std::span(values));
    for (; !bytes.empty(); bytes = bytes.subspan(writer.record_bytes()))
      writer.append(bytes.first(writer.record_bytes()));
    writer.finish();
  }
  Dataset open(const std::string& name) {
    return Dataset(folder_ / name, PictureShape{1, 2, 2}, description_.targets);
  }
  SharedRecords share(const Source& source, const std::string& own = {}) {
    Parcel told;
    add_records(told, source, description_);
    SharedRecords shared(told, description_, nullptr, own);
    EXPECT_TRUE(told.at_end());
    return shared;
  }
  std::string copy(const std::string& name) {
    fs::copy(folder_ / "first", folder_ / name);
    return (folder_ / name).string();
  }
  // What an engine asks for.
  void expect_same(const RecordSource& found, const Source& source) {
    for (const Split split : {Split::train, Split::validation, Split::test}) {
      ASSERT_EQ(found.size(split), source.size(split));
      for (std::uint64_t rank = 0; rank < source.size(split); ++rank) {
        const std::uint64_t record = source.record(split, rank);
        ASSERT_EQ(found.record(split, rank), record);
        EXPECT_EQ(found.label(record, 0), source.label(record, 0));
        EXPECT_EQ(found.labelled(record, 0), source.labelled(record, 0));
        EXPECT_EQ(found.weight(record), source.weight(record));
        Record here, there;
        found.read(record, {}, here);
        source.read(record, {}, there);
        EXPECT_EQ(std::memcmp(here.image.data(), there.image.data(), 4), 0);
      }
    }
    EXPECT_EQ(found.has_weights(), source.has_weights());
    EXPECT_EQ(found.complete(0), source.complete(0));
    EXPECT_TRUE(std::ranges::equal(found.mean(), source.mean()));
    EXPECT_TRUE(std::ranges::equal(found.deviation(), source.deviation()));
  }

  TemporaryFolder folder_;
  Description description_ = testing::scripted_description();
};

TEST_F(SharedFolder, TheFolderItselfIsKnownAndNotReadAgain) {
  const Dataset source = open("first");
  const SharedRecords shared = share(source);
  EXPECT_FALSE(shared.is_copy());
  EXPECT_FALSE(share(source, source.folder()).is_copy());
  // By another path too.
  fs::create_directory_symlink(folder_ / "first", folder_ / "link");
  EXPECT_FALSE(share(source, folder_ / "link").is_copy());
  expect_same(shared, source);
}

TEST_F(SharedFolder, ACopyIsToldByItsFingerprint) {
  const Dataset source = open("first");
  const SharedRecords shared = share(source, copy("second"));
  EXPECT_TRUE(shared.is_copy());
  EXPECT_EQ(shared.fingerprint(), source.fingerprint());
  expect_same(shared, source);
  for (const char* file : {"images.npy", "kind.npy", "weight.npy", "split.npy"}) {
    const std::string other = copy(std::string("with another ") + file);
    std::string bytes = read_text(fs::path(other) / file);
    char& byte = bytes[bytes.size() - 4];
    byte = static_cast<char>(byte ^ 1);
    write_text(fs::path(other) / file, bytes);
    EXPECT_NE(share(source, other).fingerprint(), source.fingerprint()) << file;
  }
}

TEST_F(SharedFolder, ACopyThatIsIncompleteIsRefused) {
  const Dataset source = open("first");
  fs::remove(fs::path(copy("short")) / "kind.npy");
  EXPECT_NE(error_of([&] { share(source, folder_ / "short"); }).find("kind.npy"),
            std::string::npos);
  EXPECT_NE(error_of([&] { share(source, folder_ / "nowhere"); }).find("nowhere"),
            std::string::npos);
}

TEST_F(SharedFolder, FoldsAreThoseOfTheFirst) {
  const Dataset source = open("first");
  FoldedSource folded(source, description_.targets, {.number = 2, .count = 3}, "here");
  folded.measure_channels({1, 2, 2});
  const SharedRecords shared = share(folded, copy("second"));
  expect_same(shared, folded);
  EXPECT_FALSE(std::ranges::equal(shared.mean(), source.mean()));
  EXPECT_EQ(shared.fingerprint(), folded.fingerprint());
}

TEST_F(SharedFolder, DrawnRecordsAreDrawnByEach) {
  const testing::ScriptedSource drawn;
  Parcel told;
  add_records(told, drawn, description_);
  const SharedRecords shared(told, description_, &drawn, "");
  EXPECT_FALSE(shared.is_copy());
  expect_same(shared, drawn);
}

}  // namespace
}  // namespace medley
