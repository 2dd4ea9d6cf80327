// Dataset folders of uint16 and float32: statistics, ranges, what is refused, fingerprints, writing.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "medley/base/random.hpp"
#include "medley/data/dataset.hpp"
#include "medley/data/dataset_writer.hpp"
#include "medley/data/folds.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

constexpr PictureShape shape{2, 9, 11};
constexpr std::uint64_t records = 40;

template <class T>
std::vector<T> noise(double scale, double offset = 0) {
  std::vector<T> pixels(records * shape.bytes());
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<T>(
        offset + scale * RandomStream(3, Purpose::generator, 0, i).draw(0)[0] / 4294967296.0);
  return pixels;
}

class DeepFolder : public ::testing::Test {
 protected:
  DeepFolder() {
    NpyWriter split(folder_ / "split.npy", DType::u8, {});
    for (std::uint64_t i = 0; i < records; ++i) {
      const std::uint8_t number = i % 4 == 3 ? 1 : 0;
      split.append(std::as_bytes(std::span(&number, 1)));
    }
    split.finish();
  }
  template <class T>
  void save(DType dtype, const std::vector<T>& pixels) {
    NpyWriter writer(folder_ / "images.npy", dtype, {2, 9, 11});
    for (std::uint64_t i = 0; i < records; ++i)
      writer.append(std::as_bytes(std::span(pixels).subspan(i * shape.bytes(), shape.bytes())));
    writer.finish();
  }
  void describe(std::string_view json) { write_text(folder_ / "dataset.json", json); }
  std::string error() {
    return error_of([&] { Dataset(folder_.path(), shape, {}); });
  }
  // Mean and deviation of a channel of the training records, in two passes of long double.
  template <class T>
  static std::pair<double, double> statistics(const std::vector<T>& pixels, std::size_t channel) {
    std::vector<long double> of;
    const std::size_t plane = shape.bytes() / 2;
    for (std::size_t i = 0; i < pixels.size(); ++i)
      if (i / plane % 2 == channel && i / shape.bytes() % 4 != 3) of.push_back(pixels[i]);
    long double mean = 0, variance = 0;
    for (const long double x : of) mean += x / static_cast<long double>(of.size());
    for (const long double x : of)
      variance += (x - mean) * (x - mean) / static_cast<long double>(of.size());
    return {static_cast<double>(mean), std::sqrt(static_cast<double>(variance))};
  }
  TemporaryFolder folder_;
};

TEST_F(DeepFolder, StatisticsAreThoseOfTwoPasses) {
  const auto check = [&](const auto& pixels) {
    const Dataset data(folder_.path(), shape, {});
    for (std::size_t c = 0; c < 2; ++c) {
      const auto [mean, deviation] = statistics(pixels, c);
      EXPECT_FLOAT_EQ(data.mean()[c], static_cast<float>(mean));
      EXPECT_FLOAT_EQ(data.deviation()[c], static_cast<float>(deviation));
    }
    Record record;
    data.read(7, {}, record);
    using T = std::remove_cvref_t<decltype(pixels[0])>;
    EXPECT_EQ(record.image.as<T>()[5], pixels[7 * shape.bytes() + 5]);
    EXPECT_EQ(data.pixels().type, record.image.type());
  };
  const auto deep = noise<std::uint16_t>(65535.9);
  save(DType::u16, deep);
  check(deep);
  describe(R"({"range": [-1, 3]})");
  // Far from zero, where E[x^2] - E[x]^2 alone would leave nothing.
  for (const double offset : {0.0, -1e6}) {
    const auto floats = noise<float>(2.5, offset);
    save(DType::f32, floats);
    check(floats);
  }
}

TEST_F(DeepFolder, AConstantChannelHasDeviationOne) {
  save(DType::f32, std::vector<float>(records * shape.bytes(), 0.1f));
  describe(R"({"range": [0, 1]})");
  const Dataset data(folder_.path(), shape, {});
  EXPECT_EQ(data.mean()[1], 0.1f);
  EXPECT_EQ(data.deviation()[1], 1.0f);
}

TEST_F(DeepFolder, FloatsNeedARange) {
  save(DType::f32, noise<float>(1));
  EXPECT_PRED2(holds, error(), "3: ...dtype float32...astype('uint8')...{\"range\": [0, 1]}");
  for (const std::string_view wrong :
       {"3", "[1]", "[0, \"1\"]", "[1, 1]", "[2, 1]", "[-3e38, 3e38]", "[0, 1e60]"}) {
    describe("{\"range\": " + std::string(wrong) + "}");
    EXPECT_PRED2(holds, error(), "3: ...\"range\" is not two numbers") << wrong;
  }
  describe(R"({"range": [-1, 1e9]})");
  EXPECT_EQ(error(), "no error");
}

TEST_F(DeepFolder, PixelsThatAreNoNumbersAreFoundWhereverTheyAre) {
  describe(R"({"range": [0, 1]})");
  for (const float wrong :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t at :
         {std::size_t{0}, 17 * shape.bytes() + 130, records * shape.bytes() - 1}) {
      auto pixels = noise<float>(1);
      pixels[at] = wrong;
      save(DType::f32, pixels);
      EXPECT_PRED2(holds, error(),
                   "3: ...record " + std::to_string(at / shape.bytes()) +
                       ": a pixel of ...(channel " + std::to_string(at % shape.bytes() / 99));
    }
  }
}

TEST_F(DeepFolder, FingerprintSeesPixelsAndRange) {
  save(DType::f32, noise<float>(1));
  describe(R"({"range": [0, 1], "mean": [0, 0], "deviation": [1, 1]})");
  const std::uint64_t first = Dataset(folder_.path(), shape, {}).fingerprint();
  describe(R"({"range": [0, 2], "mean": [0, 0], "deviation": [1, 1]})");
  EXPECT_NE(Dataset(folder_.path(), shape, {}).fingerprint(), first);
}

TEST_F(DeepFolder, IsWrittenAsItIsRead) {
  describe(R"({"range": [0, 3]})");
  save(DType::f32, noise<float>(2.5));
  const Dataset data(folder_.path(), shape, {});
  write_dataset(data, folder_ / "copy", shape, {}, false, {});
  const Dataset copy(folder_ / "copy", shape, {});
  EXPECT_EQ(copy.pixels(), data.pixels());
  EXPECT_EQ(copy.mean()[1], data.mean()[1]);
  const auto json = nlohmann::json::parse(read_text(folder_ / "copy" / "dataset.json"));
  EXPECT_EQ(json["range"], (nlohmann::json{0.0, 3.0}));
  FoldedSource all(data, {}, {0, 1, 1}, "data");
  all.measure_channels(shape);
  EXPECT_EQ(all.pixels(), data.pixels());
  EXPECT_NE(all.mean()[0], data.mean()[0]) << "of all records, not of the training split's";
}

}  // namespace
}  // namespace medley
