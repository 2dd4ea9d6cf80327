// Pictures are turned upright: as Pillow does it (tests/golden/orientation.py), and whatever an Exif block
// says that is not right.
#include "medley/files/exif.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/files_helpers.hpp"
#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

using Json = nlohmann::json;

TEST(Exif, PicturesLieAsPillowTurnsThem) {
  std::ifstream file("tests/golden/orientation.json");
  ASSERT_TRUE(file)
      << "tests run from the project's folder, where tests/golden/orientation.json is";
  const Json golden = Json::parse(file);
  EXPECT_EQ(golden["files"].size(), 16u);
  for (const Json& wanted : golden["files"]) {
    const Image found = decode(from_base64(wanted["file"].get<std::string>()), 1);
    EXPECT_EQ(found.shape,
              (PictureShape{1, wanted["height"].get<int>(), wanted["width"].get<int>()}));
    EXPECT_EQ(found.pixels, wanted["pixels"].get<std::vector<std::uint8_t>>())
        << wanted["orientation"] << wanted["order"];
  }
}

TEST(Exif, ColoursAreTurnedToo) {
  Image image{{3, 1, 2}, {1, 2, 3, 4, 5, 6}};
  apply_orientation(6, image);
  EXPECT_EQ(image.shape, (PictureShape{3, 2, 1}));
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}));
  apply_orientation(3, image);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{4, 5, 6, 1, 2, 3}));
}

// A block of one entry, in the order of Motorola.
std::string block(int tag, int type, const std::string& value) {
  const auto two = [](int n) {
    return std::string{static_cast<char>(n >> 8), static_cast<char>(n)};
  };
  return "MM" + two(42) + big_endian(8) + two(1) + two(tag) + two(type) + big_endian(1) + value;
}
int orientation(const std::string& tiff) { return exif_orientation(bytes_of(tiff)); }

TEST(Exif, OrientationIsAShortOrALong) {
  const std::string as_short("\0\x6\0\0", 4);
  EXPECT_EQ(orientation(block(0x0112, 3, as_short)), 6);
  EXPECT_EQ(orientation(block(0x0112, 4, big_endian(8))), 8);
  EXPECT_EQ(orientation(block(0x0112, 2, as_short)), 1);  // a text
  EXPECT_EQ(orientation(block(0x0113, 3, as_short)), 1);
  EXPECT_EQ(orientation(block(0x0112, 4, big_endian(0))), 1);
  EXPECT_EQ(orientation(block(0x0112, 4, big_endian(9))), 1);
}

TEST(Exif, DamagedBlocksTellNothing) {
  const std::string whole = block(0x0112, 4, big_endian(8));
  // (What is beyond the end would tell it.)
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(exif_orientation(bytes_of(whole).first(size)), 1) << size;
  for (const std::string start : {"XX", "IM", "II"})
    EXPECT_EQ(orientation(start + whole.substr(2)), 1) << start;
  std::string beyond = whole;
  beyond.replace(4, 4, "\xFF\xFF\xFF\xFE");  // the directory lies outside
  EXPECT_EQ(orientation(beyond), 1);
  std::string many = whole;
  many.replace(8, 2, "\xFF\xFF");  // entries beyond the end
  EXPECT_EQ(orientation(many), 8);
  many.replace(10, 2, "\x01\x13");
  EXPECT_EQ(orientation(many), 1);
}

// Behind the start of the file.
std::string with_app1(const std::string& jpeg, const std::string& data) {
  const std::size_t size = data.size() + 2;
  return jpeg.substr(0, 2) + "\xFF\xE1" + static_cast<char>(size >> 8) + static_cast<char>(size) +
         data + jpeg.substr(2);
}

TEST(Exif, IsTheFirstBlockOfThatNameAmongOthers) {
  const std::string plain =
      make_jpeg(make_image({1, 8, 16}, [](int y, int x, int) { return 9 * x + y; }));
  const std::string exif("Exif\0\0", 6), turned = block(0x0112, 4, big_endian(6));
  const std::string two =
      with_app1(with_app1(plain, exif + block(0x0112, 4, big_endian(3))), exif + turned);
  EXPECT_EQ(decode(with_app1(two, "http://ns.adobe.com/xap/1.0/"), 1).shape,
            (PictureShape{1, 16, 8}));
  EXPECT_EQ(decode(with_app1(plain, turned), 1).shape, (PictureShape{1, 8, 16}));
  Image upright = decode(plain, 3);
  apply_orientation(6, upright);
  EXPECT_EQ(decode(with_app1(plain, exif + turned), 3).pixels, upright.pixels);
}

}  // namespace
}  // namespace medley
