// Which records are shown, what of them, and how pictures and masks are drawn.
#include "medley/report/sample_records.hpp"

#include <gtest/gtest.h>
#include <png.h>

#include <limits>

#include "description_helpers.hpp"
#include "medley/files/png.hpp"

namespace medley {
namespace {

using Json = nlohmann::ordered_json;
using Bytes = std::vector<std::uint8_t>;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

// The pixels of a data URI, as red, green, blue and cover.
Bytes decoded(const std::string& uri, int width, int height) {
  constexpr std::string_view start = "data:image/png;base64,",
                             digits =
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  EXPECT_TRUE(uri.starts_with(start));
  std::string file;
  std::uint32_t bits = 0, count = 0;
  for (const char c : uri.substr(start.size())) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(digits.find(c));
    if ((count += 6) < 8) continue;
    count -= 8;
    file += static_cast<char>(bits >> count & 255u);
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_memory(&image, file.data(), file.size()));
  EXPECT_EQ(static_cast<int>(image.width), width);
  EXPECT_EQ(static_cast<int>(image.height), height);
  image.format = PNG_FORMAT_RGBA;
  Bytes pixels(PNG_IMAGE_SIZE(image));
  EXPECT_TRUE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr));
  return pixels;
}

TEST(PictureView, ShowsGrayAndColour) {
  const Bytes planes{10, 20, 30, 40, 50, 60};  // 2 pixels of 3 channels, or 3 of 2
  const PictureView colour({3, 1, 2}, 256);
  EXPECT_EQ(decoded(colour.picture(planes.data()), 2, 1),
            (Bytes{10, 30, 50, 255, 20, 40, 60, 255}));
  EXPECT_EQ(Json::parse(colour.block().dump()),
            Json::parse(R"({"height": 1, "reduced": false, "shown": "in colour", "width": 2})"));
  const PictureView gray({1, 1, 2}, 256);
  EXPECT_EQ(decoded(gray.picture(planes.data()), 2, 1), (Bytes{10, 10, 10, 255, 20, 20, 20, 255}));
  EXPECT_EQ(gray.block()["shown"], "in gray");
}

TEST(PictureView, SaysWhichOfOtherChannelsItShows) {
  const Bytes planes{10, 20, 30, 40};
  const PictureView two({2, 1, 2}, 256), four({4, 1, 1}, 256);
  EXPECT_EQ(decoded(two.picture(planes.data()), 2, 1), (Bytes{10, 10, 10, 255, 20, 20, 20, 255}));
  EXPECT_EQ(two.block()["shown"], "channel 1 of 2, in gray");
  EXPECT_EQ(decoded(four.picture(planes.data()), 1, 1), (Bytes{10, 20, 30, 255}));
  EXPECT_EQ(four.block()["shown"], "channels 1, 2, 3 of 4 as red, green, blue");
}

TEST(PictureView, ReducesLargePictures) {
  const PictureView view({1, 8, 16}, 4);
  EXPECT_EQ(Json::parse(view.block().dump()),
            Json::parse(R"({"height": 2, "reduced": true, "shown": "in gray", "width": 4})"));
  EXPECT_EQ(decoded(view.picture(Bytes(128, 77).data()), 4, 2)[4], 77);
  Bytes mask(128, 0);
  mask[2 * 16 + 14] = 1;  // the middle of the last pixel of the first row
  const Bytes drawn = decoded(view.mask(mask, 2), 4, 2);
  EXPECT_EQ(Bytes(drawn.begin() + 8, drawn.begin() + 16), (Bytes{0, 0, 0, 0, 230, 159, 0, 255}));
}

TEST(PictureView, MasksAreClearAtTheFirstClassAndGrayWhereNothingIsKnown) {
  const PictureView view({1, 1, 4}, 256);
  EXPECT_EQ(decoded(view.mask(Bytes{0, 1, 2, 255}, 3), 4, 1),
            (Bytes{0, 0, 0, 0, 230, 159, 0, 255, 86, 180, 233, 255, 128, 128, 128, 255}));
  // The eighth colour is the first, darker.
  EXPECT_EQ(decoded(view.mask(Bytes{8, 8, 8, 255}, 254), 4, 1)[0], 230 * 3 / 4);
}

class Samples : public ::testing::Test {
 protected:
  Samples() {
    d.input = {1, 1, 2};
    d.targets = {{"kind", TargetKind::classes, 2},
                 {"place", TargetKind::values, 2},
                 {"area", TargetKind::mask, 2}};
    add_term(d, "kind", "kind", "softmax_cross_entropy", {2, 1, 1});
    add_term(d, "place", "place", "mean_squared_error", {2, 1, 1});
    add_term(d, "area", "area", "soft_iou", {1, 1, 2});
    heads = head_predictions(d, {{"cat", "dog"}, {}, {"ground", "thing"}});
  }
  Json block(const SampleRecords& samples) { return Json::parse(samples.block().dump()); }
  // Numbers of the records in a list of indices.
  static std::vector<int> numbers(const Json& block, const Json& indices) {
    std::vector<int> list;
    for (const Json& i : indices)
      list.push_back(block["records"][i.get<std::size_t>()]["record"].get<int>());
    return list;
  }

  // What is drawn of a record, with this number in the data.
  void draw(SampleRecords& samples, std::uint64_t rank, std::uint64_t number,
            bool labelled = true) {
    const Bytes picture{0, 200}, truth{1, 255};
    const std::vector<float> kind{0.0f, 2.0f}, place{0.5f, -1.0f}, area{1.0f, -1.0f},
        values{0.25f, 0.75f};
    const std::vector<std::span<const float>> outputs{kind, place, area};
    Record record{.image = picture.data()};
    record.targets[0].label = labelled ? 0 : -1;
    record.targets[1].values = values.data();
    record.targets[2].mask = truth.data();
    samples.draw(rank, number, record, std::array{labelled, labelled, labelled}, outputs);
  }
  // The same of all that were chosen of so many, numbered from 100 on.
  void draw_chosen(SampleRecords& samples, std::uint64_t records) {
    for (std::uint64_t rank = 0; rank < records; ++rank)
      if (samples.chosen(rank)) draw(samples, rank, 100 + rank);
  }

  Description d;
  SampleRecords::Heads heads;
};
using Ints = std::vector<int>;

TEST_F(Samples, AreSpreadOverTheSplit) {
  for (const std::uint64_t records : {12, 2}) {
    SampleRecords samples(d, heads, {.samples = 3, .worst = 0}, records);
    for (std::uint64_t rank = 0; rank < records; ++rank)
      samples.choose(rank, std::vector<double>{1, 1, 1});
    draw_chosen(samples, records);
    const Json found = block(samples);
    EXPECT_EQ(numbers(found, found["shown"]),
              (records == 12 ? Ints{102, 106, 110} : Ints{100, 101}));
    EXPECT_EQ(found["records"].size(), found["shown"].size());
    EXPECT_TRUE(found["worst"][0]["records"].empty());
  }
}

TEST_F(Samples, TheWorstAreThoseOfTheLargestLosses) {
  const std::vector<std::vector<double>> losses{{1, 5, none}, {3, 4, none}, {3, none, 2},
                                                {0, 9, none}, {7, 9, none}, {2, 9, none},
                                                {0, 0, none}};
  // Whatever the order in which they come.
  for (const bool backward : {false, true}) {
    SampleRecords samples(d, heads, {.samples = 4, .worst = 8}, 1000);
    for (std::uint64_t i = 0; i < losses.size(); ++i) {
      const std::uint64_t rank = backward ? losses.size() - 1 - i : i;
      samples.choose(rank, losses[rank]);
    }
    for (const std::uint64_t rank : {125, 375, 625, 875})
      samples.choose(rank, std::vector(3, none));
    draw_chosen(samples, 1000);
    const Json found = block(samples);
    EXPECT_EQ(found["worst"][0]["term"], "kind");
    EXPECT_EQ(numbers(found, found["worst"][0]["records"]), (Ints{104, 101}));  // half of `samples`
    EXPECT_EQ(numbers(found, found["worst"][1]["records"]), (Ints{103, 104}));
    EXPECT_EQ(numbers(found, found["worst"][2]["records"]), Ints{102});
    EXPECT_EQ(found["records"].size(), 4u + 4u);  // nothing else is kept
    EXPECT_EQ(found["records"][0]["losses"], Json::parse("[3, 4, null]"));
  }
}

TEST_F(Samples, TellTargetsAndPredictionsOfEachHead) {
  SampleRecords samples(d, heads, {.samples = 2, .worst = 0}, 2);
  for (std::uint64_t rank = 0; rank < 2; ++rank) samples.choose(rank, std::vector<double>{1, 2, 3});
  draw(samples, 0, 0);
  draw(samples, 1, 1, false);
  const Json found = block(samples), with = found["records"][0]["heads"],
             without = found["records"][1]["heads"];
  EXPECT_EQ(found["heads"][0],
            Json::parse(R"({"head": "kind", "kind": "classes", "target": "kind"})"));
  EXPECT_EQ(found["heads"][2]["classes"], Json::parse(R"([{"color": "#000000", "name": "ground"},
      {"color": "#e69f00", "name": "thing"}])"));
  EXPECT_EQ(with[0]["truth"], "cat");
  EXPECT_EQ(with[0]["prediction"], "dog");
  EXPECT_EQ(with[0]["right"], false);
  EXPECT_NEAR(with[0]["probability"].get<double>(), 1 / (1 + std::exp(-2.0)), 1e-15);
  EXPECT_EQ(with[1], Json::parse(R"({"prediction": [0.5, -1.0], "truth": [0.25, 0.75]})"));
  EXPECT_EQ(decoded(with[2]["truth"], 2, 1), (Bytes{230, 159, 0, 255, 128, 128, 128, 255}));
  EXPECT_EQ(decoded(with[2]["prediction"], 2, 1), (Bytes{230, 159, 0, 255, 0, 0, 0, 0}));
  EXPECT_EQ(decoded(found["records"][0]["picture"], 2, 1)[4], 200);
  for (const Json& head : without) EXPECT_TRUE(head["truth"].is_null());
  EXPECT_TRUE(without[0]["right"].is_null());
}

}  // namespace
}  // namespace medley
