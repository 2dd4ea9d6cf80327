// What goes into event files: histograms beside counts by hand, options, pictures of counts.
#include "medley/export/summary_values.hpp"

#include <event.pb.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "medley/files/image.hpp"

namespace medley {
namespace {

board::Summary::Value parsed(const std::string& bytes) {
  board::Summary::Value value;
  EXPECT_TRUE(value.ParseFromString(bytes));
  return value;
}

TEST(HistogramValue, CountsEachValueOnce) {
  std::vector<float> values(61);  // -30 to 30: two a bucket, the last value in the last bucket
  std::iota(values.begin(), values.end(), -30.0f);
  const board::Summary::Value value = parsed(histogram_value("weights/a", values));
  const board::Histogram& h = value.histo();
  EXPECT_EQ(value.tag(), "weights/a");
  EXPECT_EQ(h.min(), -30);
  EXPECT_EQ(h.max(), 30);
  EXPECT_EQ(h.num(), 61);
  EXPECT_EQ(h.sum(), 0);
  EXPECT_EQ(h.sum_squares(), 2 * 30 * 31 * 61 / 6);
  ASSERT_EQ(h.bucket_size(), 30);
  ASSERT_EQ(h.bucket_limit_size(), 30);
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(h.bucket(i), i < 29 ? 2 : 3) << i;
    EXPECT_EQ(h.bucket_limit(i), -28 + 2 * i);
  }
}

TEST(HistogramValue, OfEqualValuesHasOneBucket) {
  const board::Summary::Value value = parsed(histogram_value("b", std::array{0.5f, 0.5f, 0.5f}));
  EXPECT_EQ(value.histo().bucket_size(), 1);
  EXPECT_EQ(value.histo().bucket(0), 3);
  EXPECT_EQ(value.histo().bucket_limit(0), 0.5);
  EXPECT_EQ(parsed(histogram_value("b", std::array{-2.0f})).histo().num(), 1);
}

TEST(HistogramValue, OfNothingOrOfWhatIsNotFiniteIsNone) {
  EXPECT_EQ(histogram_value("b", {}), "");
  EXPECT_EQ(histogram_value("b", std::array{1.0f, std::nanf("")}), "");
  EXPECT_EQ(histogram_value("b", std::array{std::numeric_limits<float>::infinity()}), "");
}

TEST(OptionsValue, NumbersAreNumbersAndTextsTexts) {
  const board::Summary::Value value =
      parsed(options_value({{"lr.all", "1e-3"}, {"data", "a b"}}, 7));
  EXPECT_EQ(value.tag(), "_hparams_/session_start_info");
  EXPECT_EQ(value.metadata().plugin_data().plugin_name(), "hparams");
  board::HParams content;
  ASSERT_TRUE(content.ParseFromString(value.metadata().plugin_data().content()));
  EXPECT_EQ(content.session_start_info().start_time_secs(), 7);
  ASSERT_EQ(content.session_start_info().hparams_size(), 2);
  EXPECT_EQ(content.session_start_info().hparams(0).key(), "lr.all");
  EXPECT_EQ(content.session_start_info().hparams(0).value().number_value(), 1e-3);
  EXPECT_EQ(content.session_start_info().hparams(1).value().string_value(), "a b");
}

TEST(ConfusionImage, ARowIsShadedByItsShares) {
  const std::vector<std::vector<double>> counts{{3, 1, 0}, {0, 0, 0}, {0, 0, 9}};
  const std::vector<std::string> names{"a", "b|*", "c"};
  const BoardImage image = confusion_image(counts, names);
  EXPECT_EQ(image.description,
            "| true \\ predicted | a | b\\|\\* | c |\n|---|---|---|---|\n| a | 3 | 1 | 0 |\n"
            "| b\\|\\* | 0 | 0 | 0 |\n| c | 0 | 0 | 9 |\n");
  EXPECT_EQ(image.height, 3 * 32);
  EXPECT_EQ(image.width, 3 * 32);
  const auto* const png = reinterpret_cast<const std::byte*>(image.png.data());
  Image decoded;
  decode_image({png, image.png.size()}, 3, decoded);
  const auto red = [&](int row, int column) {
    return decoded.pixels[static_cast<std::size_t>(((row * 32 + 31) * 96 + column * 32) * 3)];
  };
  EXPECT_EQ(red(0, 0), static_cast<int>(255 - 247 * 0.75));
  EXPECT_EQ(red(0, 1), static_cast<int>(255 - 247 * 0.25));
  EXPECT_EQ(red(0, 2), 255);
  EXPECT_EQ(red(1, 1), 255);
  EXPECT_EQ(red(2, 2), 8);
}

}  // namespace
}  // namespace medley
