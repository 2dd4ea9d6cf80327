// Masks as large as the picture: of fitted pictures against PyTorch's interpolation
// (tests/golden/own_size.py), and of tiles with a network that shows each pixel as it is.
#include "medley/run/whole_masks.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "description_helpers.hpp"
#include "scripted_engine.hpp"

namespace medley {
namespace {

HeadPrediction mask_head(Shape shape) {
  Description d;
  d.targets = {{"t", TargetKind::mask, std::max(2, shape.c)}};
  add_term(d, "h", "t", shape.c == 1 ? "binary_cross_entropy" : "softmax_cross_entropy", shape);
  return {d, 0, {}};
}

TEST(MaskInOwnSize, InterpolatesAsPyTorchDoes) {
  std::ifstream file("tests/golden/own_size.json");
  ASSERT_TRUE(file) << "tests run from the project's folder, where tests/golden/own_size.json is";
  const auto golden = nlohmann::json::parse(file);
  ASSERT_EQ(golden["cases"].size(), 5u);
  for (const auto& test : golden["cases"]) {
    const auto shape = test["shape"].get<std::vector<int>>();
    const HeadPrediction head = mask_head({shape[0], shape[1], shape[2]});
    EXPECT_EQ(mask_in_own_size(head, test["outputs"].get<std::vector<float>>(), Fit::stretch,
                               {1, test["height"], test["width"]}),
              test["mask"].get<std::vector<std::uint8_t>>());
  }
}

// Outputs of a head of 4 x 4 whose left half is class 1.
constexpr std::array<float, 16> left_half{1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1};

TEST(MaskInOwnSize, WhatACropHasCutOffIsNotKnown) {
  // 4 x 12 of which the middle 4 columns are seen.
  const auto mask = mask_in_own_size(mask_head({1, 4, 4}), left_half, Fit::crop, {1, 4, 12});
  const std::vector<std::uint8_t> row{255, 255, 255, 255, 1, 1, 0, 0, 255, 255, 255, 255};
  ASSERT_EQ(mask.size(), 48u);
  for (std::size_t y = 0; y < 4; ++y)
    EXPECT_EQ(std::vector(mask.begin() + 12 * y, mask.begin() + 12 * (y + 1)), row);
}

TEST(MaskInOwnSize, WhatWasPaddedIsLeftOut) {
  // 2 x 4 lies in the middle two of four rows.
  std::array<float, 16> outputs = left_half;
  std::fill_n(outputs.begin(), 4, 100.0f);
  std::fill_n(outputs.end() - 4, 4, 100.0f);
  const auto mask = mask_in_own_size(mask_head({1, 4, 4}), outputs, Fit::pad, {1, 2, 4});
  EXPECT_EQ(mask, (std::vector<std::uint8_t>{1, 1, 0, 0, 1, 1, 0, 0}));
}

// An engine whose heads see pixels above `limit`; within `border` of a tile's borders it sees
// nothing but nonsense.
class Tiles {
 public:
  Tiles(int side, std::size_t batch, int border = 0) : border_(border) {
    d_.input = {1, side, side};
    d_.targets = {{"one", TargetKind::mask, 2},
                  {"kind", TargetKind::classes, 2},
                  {"three", TargetKind::mask, 3}};
    add_term(d_, "one", "one", "binary_cross_entropy", {1, side, side});
    add_term(d_, "kind", "kind", "hinge", {2, 1, 1});
    add_term(d_, "three", "three", "softmax_cross_entropy", {3, side, side});
    heads_ = head_predictions(d_, {{}, {}, {}});
    script_.predict_batch = batch;
    script_.predict = [=](std::span<const Record> records, std::span<float* const> outputs) {
      for (std::size_t n = 0; n < records.size(); ++n) {
        for (int i = 0; i < side * side; ++i) {
          const int y = i / side, x = i % side;
          const bool wrong = std::min({y, x, side - 1 - y, side - 1 - x}) < border;
          const auto* const pixels = records[n].image.as<std::uint8_t>();
          const int value = wrong ? (i % 2) * 255 : pixels[i];
          const std::size_t pixel = static_cast<std::size_t>(side * side), at = n * pixel + i;
          outputs[0][at] = value >= 128 ? 3.0f : -3.0f;
          for (int c = 0; c < 3; ++c)
            outputs[2][n * 3 * pixel + c * pixel + i] = value / 100 == c ? 4.0f : 0.0f;
        }
      }
    };
  }

  // The masks of a picture of this size are what its pixels say, but for the picture's own border.
  void expect_whole(int height, int width, int overlap) {
    WholePicture picture;
    picture.bytes.shape = {1, height, width};
    for (int i = 0; i < height * width; ++i)
      picture.bytes.pixels.push_back(static_cast<std::uint8_t>(i * 151 % 251));
    TiledMasks tiles(engine_, d_, heads_, overlap);
    for (int again = 0; again < 2; ++again) {
      const auto& masks = tiles.predict(picture);
      ASSERT_EQ(masks.size(), 2u);
      for (int i = 0; i < height * width; ++i) {
        const int y = i / width, x = i % width;
        if (std::min({y, x, height - 1 - y, width - 1 - x}) < border_) continue;
        const int value = picture.bytes.pixels[static_cast<std::size_t>(i)];
        ASSERT_EQ(masks[0][static_cast<std::size_t>(i)], value >= 128) << i << " of " << width;
        ASSERT_EQ(masks[1][static_cast<std::size_t>(i)], value / 100) << i << " of " << width;
      }
      ASSERT_EQ(masks[0].size(), picture.bytes.pixels.size());
    }
  }

 private:
  int border_;
  Description d_;
  testing::Script script_;
  std::array<float, 1> arena_{};
  testing::ScriptedEngine engine_{arena_.data(), script_};
  std::vector<std::pair<int, HeadPrediction>> heads_;
};

TEST(TiledMasks, PutTilesTogether) {
  for (const std::size_t batch : {1, 3, 64}) {
    for (const auto& [height, width] :
         {std::pair{8, 8}, {8, 40}, {37, 8}, {29, 31}, {5, 3}, {3, 30}}) {
      for (const int overlap : {0, 1, 4, 7}) Tiles(8, batch).expect_whole(height, width, overlap);
    }
  }
}

// Where tiles overlap, borders count less than middles: but for the picture's own borders, what a
// network gets wrong there is outvoted.
TEST(TiledMasks, AreWithoutSeams) {
  Tiles(12, 5, 2).expect_whole(40, 45, 6);
  Tiles(12, 64, 1).expect_whole(100, 12, 3);
}

}  // namespace
}  // namespace medley
