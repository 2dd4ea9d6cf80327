// BMP and WebP: as Pillow reads what Pillow and OpenCV write (tests/golden/formats.py), and what is refused.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/files_helpers.hpp"
#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

struct Wanted {
  std::string file;
  PictureShape shape;
  std::vector<std::uint8_t> pixels;
};

const std::map<std::string, Wanted>& golden() {
  static const std::map<std::string, Wanted> files = [] {
    std::map<std::string, Wanted> all;
    std::ifstream text("tests/golden/formats.json");
    const auto json = nlohmann::json::parse(text);
    for (const auto& row : json["files"])
      all[row["name"]] = {from_base64(row["file"].get<std::string>()),
                          {3, row["height"], row["width"]},
                          row["pixels"]};
    return all;
  }();
  return files;
}

TEST(Formats, ArePillowsPixels) {
  EXPECT_EQ(golden().size(), 16u);
  for (const auto& [name, wanted] : golden()) {
    if (name.find("animated") != std::string::npos) continue;
    const Image found = decode(wanted.file);
    EXPECT_EQ(found.shape, wanted.shape) << name;
    EXPECT_EQ(found.pixels, wanted.pixels) << name;
    EXPECT_EQ(found.orientation, name.find("turned") != std::string::npos ? 6 : 1) << name;
  }
  EXPECT_EQ(decode(golden().at("bmp gray Pillow").file, 1).pixels[20], 12 + 3);  // row 1, column 1
}

TEST(Formats, CutOffFilesAreRefused) {
  for (const auto& [name, wanted] : golden())
    for (std::size_t size = 12; size < wanted.file.size(); ++size) {
      // What follows the pixels may be lost: fill bytes, an Exif block.
      if (wanted.file.size() - size < 4 || name.find("turned") != std::string::npos) break;
      const std::string cut = wanted.file.substr(0, size);
      EXPECT_NE(error_of([&] { decode(cut); }), "no error") << name << ' ' << size;
    }
}

TEST(Formats, WhatIsNotReadIsNamed) {
  EXPECT_ERROR(decode(golden().at("webp animated Pillow").file), "3: an animated WebP...");
  const std::string bmp = golden().at("bmp colours Pillow").file;
  const auto changed = [&](std::size_t at, const std::string& bytes) {
    std::string file = bmp;
    return file.replace(at, bytes.size(), bytes);
  };
  EXPECT_ERROR(decode(changed(30, "\1")), "3: a BMP of run lengths: convert it");
  EXPECT_ERROR(decode(changed(28, "\7")), "3: ...7 bits a pixel...");
  EXPECT_ERROR(decode(changed(18, std::string(4, '\0'))), "3: a picture without pixels");
  EXPECT_ERROR(decode(changed(18, "\xFF\xFF\xFF\x7F")), "3: ...at most 65535 on a side...");
  EXPECT_ERROR(decode("BM"), "3: a picture without pixels");
  EXPECT_ERROR(decode("RIFF1234WEBPVP8 "), "3: damaged WebP");
}

TEST(Formats, ABmpMayBeginWithItsFirstRow) {
  const Wanted& wanted = golden().at("bmp colours Pillow");
  std::string file = wanted.file;
  for (std::size_t i = 22; i < 26; ++i) file[i] = static_cast<char>(~file[i]);
  ++file[22];  // minus the height
  const Image found = decode(file);
  EXPECT_EQ(found.shape, wanted.shape);
  const auto row = static_cast<std::size_t>(3 * wanted.shape.width);
  EXPECT_TRUE(std::equal(found.pixels.begin(),
                         found.pixels.begin() + static_cast<std::ptrdiff_t>(row),
                         wanted.pixels.end() - static_cast<std::ptrdiff_t>(row)));
}

}  // namespace
}  // namespace medley
