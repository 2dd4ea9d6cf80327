// Files of masks: as Pillow and OpenCV read what they write, and Pillow's nearest neighbours (tests/golden/mask_files.py).
#include "medley/files/mask_picture.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/files_helpers.hpp"
#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

const nlohmann::json& mask_golden() {
  static const nlohmann::json json = [] {
    std::ifstream text("tests/golden/mask_files.json");
    return nlohmann::json::parse(text);
  }();
  return json;
}

MaskPicture decoded_mask(std::string_view file) {
  MaskPicture mask;
  decode_mask(bytes_of(file), mask);
  return mask;
}

std::string file_of(const nlohmann::json& text) { return from_base64(text.get<std::string>()); }

TEST(MaskPicture, HasTheValuesOfTheFile) {
  EXPECT_EQ(mask_golden()["files"].size(), 16u);
  for (const auto& wanted : mask_golden()["files"]) {
    const MaskPicture mask = decoded_mask(file_of(wanted["file"]));
    EXPECT_EQ(mask.height, wanted["height"]) << wanted["name"];
    EXPECT_EQ(mask.width, wanted["width"]) << wanted["name"];
    EXPECT_EQ(static_cast<int>(mask.kind), wanted["kind"]) << wanted["name"];
    EXPECT_EQ(mask.values, wanted["values"].get<std::vector<std::uint32_t>>()) << wanted["name"];
    EXPECT_FALSE(mask.lossy) << wanted["name"];
  }
}

TEST(MaskPicture, WithoutAClassIsRefused) {
  EXPECT_ERROR(decoded_mask(file_of(mask_golden()["refused"]["transparent"])),
               "3: a mask with transparent pixels...");
  EXPECT_ERROR(decoded_mask(file_of(mask_golden()["refused"]["colours of 16 bits"])),
               "3: ...16 bits: save it with 8");
  EXPECT_ERROR(decoded_mask("GIF89a......"), "3: ...GIF...");
  const std::string png = file_of(mask_golden()["files"][0]["file"]);
  for (std::size_t size = 8; size < png.size(); size += 7)
    EXPECT_ERROR(decoded_mask(png.substr(0, size)), "3: damaged PNG...");
}

TEST(MaskPicture, LossesAreNoticed) {
  EXPECT_TRUE(
      decoded_mask(make_jpeg(make_image({1, 8, 8}, [](int, int x, int) { return 30 * x; }))).lossy);
}

TEST(MaskPicture, IndicesAndGrayBecomeTheColoursOfAViewer) {
  MaskPicture mask = decoded_mask(file_of(mask_golden()["files"][0]["file"]));
  const MaskPicture colours = decoded_mask(file_of(mask_golden()["files"][9]["file"]));
  EXPECT_FALSE(to_numbers(mask = colours));
  EXPECT_EQ(mask.values, colours.values);
  mask = decoded_mask(file_of(mask_golden()["files"][0]["file"]));
  to_colours(mask);
  EXPECT_EQ(mask.values, colours.values);
  mask = decoded_mask(file_of(mask_golden()["files"][6]["file"]));  // of one bit
  to_colours(mask);
  EXPECT_EQ(mask.values[0], 0u);
  EXPECT_EQ(mask.values[6], 0xFFFFFFu);
  EXPECT_TRUE(to_numbers(mask));
  EXPECT_EQ(mask.values[6], 255u);
}

TEST(FitMask, TakesPillowsNearestPixels) {
  const auto classes = mask_golden()["classes"].get<std::vector<std::uint8_t>>();
  for (const auto& wanted : mask_golden()["resized"]) {
    const int height = wanted["height"], width = wanted["width"];
    std::vector<std::uint8_t> out(static_cast<std::size_t>(height * width));
    fit_mask(classes, 7, 10, Fit::stretch, height, width, out);
    EXPECT_EQ(out, wanted["classes"].get<std::vector<std::uint8_t>>()) << height << " x " << width;
  }
}

// Where a picture of two halves is gray, its mask has a border, for all ways to fit it.
TEST(FitMask, LiesAsThePictureDoes) {
  for (const Fit fit : {Fit::crop, Fit::stretch, Fit::pad})
    for (const auto& [h, w] : {std::pair{40, 40}, {24, 60}, {60, 24}, {7, 9}, {300, 200}})
      for (const bool across : {false, true}) {
        const auto half = [h = h, w = w, across](int y, int x) {
          return across ? x >= w / 2 : y >= h / 2;
        };
        const Image picture =
            make_image({1, h, w}, [&](int y, int x, int) { return half(y, x) ? 200 : 100; });
        std::vector<std::uint8_t> classes;
        for (int y = 0; y < h; ++y)
          for (int x = 0; x < w; ++x) classes.push_back(half(y, x));
        std::vector<std::uint8_t> pixels(16 * 16), mask(16 * 16);
        fit_image(picture, fit, {1, 16, 16}, pixels);
        fit_mask(classes, h, w, fit, 16, 16, mask);
        for (std::size_t i = 0; i < mask.size(); ++i) {
          const bool beyond = pixels[i] == 0;
          ASSERT_EQ(mask[i] == 255, beyond) << i;
          if (pixels[i] == 100 || pixels[i] == 200) {
            ASSERT_EQ(mask[i], pixels[i] == 200) << i;
          }
        }
      }
}

}  // namespace
}  // namespace medley
