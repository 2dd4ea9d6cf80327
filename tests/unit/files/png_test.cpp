// Pictures as PNG in memory, read back by libpng, and as text.
#include "medley/files/png.hpp"

#include <gtest/gtest.h>
#include <png.h>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

std::vector<std::uint8_t> decoded(std::span<const std::byte> file, png_uint_32 format) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_memory(&image, file.data(), file.size()));
  image.format = format;
  std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image));
  EXPECT_TRUE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr));
  return pixels;
}

TEST(EncodePng, IsReadBack) {
  const Image gray{{1, 2, 3}, {0, 50, 100, 150, 200, 255}};
  EXPECT_EQ(decoded(encode_png(gray), PNG_FORMAT_GRAY), gray.pixels);
  const Image colour{{3, 1, 2}, {255, 0, 7, 1, 2, 3}};
  EXPECT_EQ(decoded(encode_png(colour), PNG_FORMAT_RGB), colour.pixels);
}

TEST(EncodePng, IndexedPicturesHaveTransparency) {
  const std::vector<std::uint8_t> indices{0, 1, 2, 1};
  const std::vector<PaletteColor> colors{{0, 0, 0, 0}, {10, 20, 30, 140}, {255, 255, 255, 255}};
  const auto file = encode_indexed_png(2, 2, indices, colors);
  EXPECT_EQ(decoded(file, PNG_FORMAT_RGBA),
            (std::vector<std::uint8_t>{0, 0, 0, 0, 10, 20, 30, 140, 255, 255, 255, 255, 10, 20, 30,
                                       140}));
}

// The examples of RFC 4648, section 10.
TEST(Base64, IsThatOfTheStandard) {
  const std::array<std::string, 7> plain{"", "f", "fo", "foo", "foob", "fooba", "foobar"},
      coded{"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_EQ(base64(bytes_of(plain[i])), coded[i]);
  EXPECT_EQ(base64(bytes_of("\xFB\xEF\xFF")), "++//");
  EXPECT_EQ(png_uri(bytes_of("foo")), "data:image/png;base64,Zm9v");
}

}  // namespace
}  // namespace medley
