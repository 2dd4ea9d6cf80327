// TIFF: what tifffile, Pillow and OpenCV write, as NumPy has it (tests/golden/tiff.py); and what is refused.
#include "medley/files/tiff.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/files_helpers.hpp"
#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

using Json = nlohmann::json;

class Tiff : public ::testing::Test {
 protected:
  Tiff() {
    std::ifstream file("tests/golden/tiff.json");
    golden_ = Json::parse(file)["files"];
  }
  // The file of this name.
  std::string file(std::string_view name) const {
    for (const Json& entry : golden_)
      if (entry["name"] == name) return from_base64(entry["file"].get<std::string>());
    ADD_FAILURE() << "tests/golden/tiff.json has no " << name;
    return {};
  }
  Json golden_;
};

TEST_F(Tiff, PagesAreWhatNumPyHas) {
  EXPECT_EQ(golden_.size(), 33u);
  for (const Json& entry : golden_) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const std::string file = from_base64(entry["file"].get<std::string>());
    const auto shape = entry["shape"].get<std::vector<int>>();
    ASSERT_TRUE(is_tiff(bytes_of(file)));
    TiffReader reader(bytes_of(file));
    std::vector<float> values;
    std::vector<std::uint64_t> places;
    DeepImage page;
    do {
      places.push_back(reader.place());
      if (std::ssize(places) > shape[0]) break;  // another size, behind a smaller copy
      reader.read(page);
      EXPECT_EQ(page.shape, (PictureShape{shape[3], shape[1], shape[2]}));
      EXPECT_EQ(to_string(page.pixels.type), entry["type"].get<std::string>());
      values.insert(values.end(), page.values.begin(), page.values.end());
    } while (reader.next_page());
    const auto wanted = entry["values"].get<std::vector<float>>();
    ASSERT_EQ(values.size(), wanted.size());
    // Decoders of JPEG differ by a step or two.
    const float slack = entry["name"] == "Pillow JPEG" ? 2.0f : 0.0f;
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(values[i], wanted[i], slack) << i;
    reader.go_to(places[0]);
    reader.read(page);
    EXPECT_TRUE(std::equal(page.values.begin(), page.values.end(), values.begin()));
  }
}

TEST_F(Tiff, SmallerCopiesAreNoPages) {
  TiffReader reader(bytes_of(file("tifffile with a smaller copy")));
  DeepImage page;
  ASSERT_TRUE(reader.next_page());
  reader.read(page);
  EXPECT_EQ(page.shape, (PictureShape{1, 6, 5}));
  EXPECT_FALSE(reader.next_page());
}

TEST_F(Tiff, IsAPictureOf8BitsWherePicturesAreRead) {
  const Json& deep = golden_[1];
  ASSERT_EQ(deep["name"], "tifffile 16 bits, big-endian");
  const auto values = deep["values"].get<std::vector<double>>();
  const Image gray = decode(file("tifffile 16 bits, big-endian"), 1);
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(gray.pixels[i], static_cast<int>(values[i] * 255 / 65535 + 0.5));
  const Image colour = decode(file("tifffile 16 bits, big-endian"), 3);
  EXPECT_EQ(colour.shape, (PictureShape{3, 6, 5}));
  EXPECT_EQ(colour.pixels[3], gray.pixels[1]);
  EXPECT_EQ(decode(file("tifffile 5 channels"), 5).shape.channels, 5);
  EXPECT_ERROR(decode(file("tifffile 5 channels"), 3),
               "3: a picture of 5 channels, but the experiment reads 3");
  EXPECT_ERROR(decode(file("tifffile float32"), 1), "3: ...floats...--pixels float32 --range");
}

TEST_F(Tiff, DamageIsTold) {
  for (const std::string_view name : {"tifffile 16 bits, colour, zlib", "tifffile tiles",
                                      "tifffile 8 bits", "Pillow 1 bit, fax"}) {
    SCOPED_TRACE(name);
    const std::string whole = file(name);
    EXPECT_ERROR(decode(whole.substr(0, 4), 1), "3: damaged TIFF");
    std::size_t told = 0;
    for (std::size_t size = 5; size < whole.size(); ++size)
      told += error_of([&] {
                decode(whole.substr(0, size), name == "tifffile tiles" ? 2 : 1);
              }).starts_with("3: ");
    // (Behind the pixels may be bytes that nobody needs.)
    EXPECT_GT(told, whole.size() / 2);
  }
  EXPECT_ERROR(decode(file("tifffile float32").replace(8, 0, ""), 1), "3: ");
}

TEST_F(Tiff, PixelsThatAreNoNumbersAreTold) {
  std::string floats = file("tifffile float32");
  const std::string nan("\0\0\xC0\x7F", 4);
  floats.replace(floats.size() - 4, 4, nan);  // the last pixel
  TiffReader reader(bytes_of(floats));
  DeepImage page;
  EXPECT_ERROR(reader.read(page), "3: a pixel of nan");
}

}  // namespace
}  // namespace medley
