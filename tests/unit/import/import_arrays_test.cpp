// Arrays and pages of TIFF become dataset folders: which axis is which, what pixels become, what is refused.
#include "medley/import/import_arrays.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

constexpr TargetSpec kind{"kind", TargetKind::classes, 3};

class ArraysImported : public ::testing::Test {
 protected:
  ArraysImported() {
    request.shape = {3, 4, 5};
    request.targets = std::span(&kind, 1);
    request.npy = folder_ / "x.npy";
    request.targets_in["kind"] = folder_ / "kind.npy";
    request.out = folder_ / "out";
    request.force = true;
    request.threads = 2;
  }
  // Numbers 0, 1, 2, ... of this shape, and as many labels.
  template <class T>
  void save(DType dtype, std::vector<std::uint64_t> dims, T first = 0) {
    write<T>("x.npy", dtype, dims, first);
    write<std::int64_t>("kind.npy", DType::i64, {dims[0]}, -1);
  }
  template <class T>
  void write(std::string_view name, DType dtype, const std::vector<std::uint64_t>& dims, T first) {
    NpyWriter writer(folder_ / name, dtype, {dims.begin() + 1, dims.end()});
    std::vector<T> record(writer.record_bytes() / sizeof(T));
    for (std::uint64_t i = 0; i < dims[0]; ++i) {
      for (T& value : record) value = first++;
      writer.append(std::as_bytes(std::span(record)));
    }
    writer.finish();
  }
  std::string error() {
    return error_of([&] { import_arrays(request); });
  }
  // The first record's pixels.
  template <class T>
  std::vector<T> imported() {
    import_arrays(request);
    const Dataset data(request.out, request.shape, request.targets);
    Record record;
    data.read(0, {}, record);
    const T* const pixels = record.image.as<T>();
    EXPECT_NE(pixels, nullptr) << "another type of pixels";
    return pixels ? std::vector<T>(pixels, pixels + request.shape.bytes()) : std::vector<T>{};
  }
  TemporaryFolder folder_;
  ArraysRequest request;
};

template <class T>
std::vector<T> counted(std::size_t count) {
  std::vector<T> numbers(count);
  std::iota(numbers.begin(), numbers.end(), T{});
  return numbers;
}

TEST_F(ArraysImported, AxesFollowFromChannelsAndSize) {
  save<std::uint16_t>(DType::u16, {4, 3, 4, 5});
  EXPECT_EQ(imported<std::uint16_t>(), counted<std::uint16_t>(60));
  save<std::uint8_t>(DType::u8, {4, 4, 5, 3});
  const auto last = imported<std::uint8_t>();
  for (std::size_t i = 0; i < 60; ++i) ASSERT_EQ(last[i], i % 20 * 3 + i / 20);
  save<std::uint8_t>(DType::u8, {4, 4, 5});  // gray, as a gray JPEG is read
  const auto gray = imported<std::uint8_t>();
  for (std::size_t i = 0; i < 60; ++i) ASSERT_EQ(gray[i], i % 20);
}

TEST_F(ArraysImported, WhatTheShapeDoesNotTellAnOptionSays) {
  save<std::uint8_t>(DType::u8, {4, 3, 7, 3});
  EXPECT_PRED2(holds, error(),
               "3: ...(4, 3, 7, 3)...first or last...--layout nchw or --layout nhwc");
  request.layout = ArrayLayout::nhwc;
  EXPECT_EQ(error(), "no error");
  request.layout = ArrayLayout::nhw;
  EXPECT_PRED2(holds, error(), "3: ...not 3 axes, as --layout nhw says");
  request.layout = ArrayLayout::automatic;
  save<std::uint8_t>(DType::u8, {4, 6, 7, 5});
  EXPECT_PRED2(holds, error(), "3: ...not N x H x W of one channel");
  save<std::uint8_t>(DType::u8, {4, 20});
  EXPECT_PRED2(holds, error(), "3: ...not N x H x W of one channel");
  save<std::uint8_t>(DType::u8, {4, 0, 5, 3});
  EXPECT_PRED2(holds, error(), "3: ...have no pixels");
  save<std::uint8_t>(DType::u8, {0, 3, 4, 5});
  EXPECT_PRED2(holds, error(), "3: ...holds no pictures");
}

TEST_F(ArraysImported, FloatsNeedARange) {
  save<float>(DType::f32, {4, 3, 4, 5}, -7);
  EXPECT_PRED2(holds, error(), "2: pixels that are float32 need --range LOW..HIGH");
  request.floats = PixelFormat::floats(-7, 248);
  EXPECT_EQ(imported<float>()[3], -4.0f);
  request.pixels = PixelType::u8;
  EXPECT_EQ(imported<std::uint8_t>(), counted<std::uint8_t>(60));
  request.pixels = PixelType::u16;
  EXPECT_EQ(imported<std::uint16_t>()[2], 2 * 257);
}

TEST_F(ArraysImported, PixelsAreConverted) {
  save<std::uint8_t>(DType::u8, {4, 3, 4, 5});
  request.pixels = PixelType::u16;
  EXPECT_EQ(imported<std::uint16_t>()[59], 59 * 257);
  request.pixels = PixelType::f32;
  EXPECT_PRED2(holds, error(), "2: pixels that are float32 need --range");
  request.floats = PixelFormat::floats(0, 510);
  EXPECT_EQ(imported<float>()[59], 118.0f);
}

TEST_F(ArraysImported, BadNumbersAreToldWithTheRecord) {
  request.floats = PixelFormat::floats(0, 1);
  save<float>(DType::f32, {4, 3, 4, 5}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_PRED2(holds, error(), "3: ...x.npy, record 0: a pixel of nan");
  save<std::uint8_t>(DType::u8, {5, 3, 4, 5});  // labels -1 to 3, and there are 3 classes
  EXPECT_PRED2(holds, error(), "3: ...kind.npy, record 4: 3 is none of the classes 0 to 2");
  write<std::int64_t>("kind.npy", DType::i64, {4}, 0);
  EXPECT_PRED2(holds, error(), "3: ...kind.npy has shape (4,), but...has 5 pictures");
  request.targets_in.clear();
  EXPECT_PRED2(holds, error(), "2: the target 'kind' has no array: give --npy-labels kind=FILE");
}

TEST_F(ArraysImported, SplitsComeFromAnArray) {
  save<std::uint8_t>(DType::u8, {3, 3, 4, 5});
  write<std::int64_t>("split.npy", DType::i64, {3}, 0);
  request.split = folder_ / "split.npy";
  const DatasetSummary summary = import_arrays(request);
  EXPECT_EQ(summary.records, (std::array<std::uint64_t, 3>{1, 1, 1}));
  write<std::int64_t>("split.npy", DType::i64, {3}, 1);
  EXPECT_PRED2(holds, error(), "3: ...split.npy, record 2: 3 is no split");
}

TEST_F(ArraysImported, PagesOfTiffArePicturesOrChannels) {
  std::ifstream golden("tests/golden/tiff.json");
  const auto all = nlohmann::json::parse(golden);
  nlohmann::json pages;
  for (const auto& entry : all["files"])
    if (entry["name"] == "tifffile 4 pages") pages = entry;
  write_text(folder_ / "a.tif", from_base64(pages["file"].get<std::string>()));
  const auto values = pages["values"].get<std::vector<std::uint16_t>>();
  request.npy.clear();
  request.tiff = {folder_ / "a.tif", folder_ / "a.tif"};
  request.shape = {1, 6, 5};
  write<std::int64_t>("kind.npy", DType::i64, {8}, -7);
  EXPECT_EQ(import_arrays(request).records[0] > 0, true);
  const Dataset data(request.out, request.shape, request.targets);
  ASSERT_EQ(data.size(), 8u);
  Record record;
  for (std::uint64_t i = 0; i < 8; ++i) {
    data.read(i, {}, record);
    EXPECT_TRUE(std::equal(&values[i % 4 * 30], &values[i % 4 * 30] + 30,
                           record.image.as<std::uint16_t>()));
  }
  request.shape = {4, 6, 5};
  write<std::int64_t>("kind.npy", DType::i64, {2}, 0);
  EXPECT_PRED2(holds, error(),
               "3: ...a.tif, page 0: 1 sample...4 channels...--tiff-channels pages");
  request.pages_are_channels = true;
  const auto planes = imported<std::uint16_t>();
  EXPECT_EQ(planes, values);
  request.shape = {3, 6, 5};
  EXPECT_PRED2(holds, error(), "3: ...a.tif: 4 pages, which are not pictures of 3 channels each");
}

}  // namespace
}  // namespace medley
