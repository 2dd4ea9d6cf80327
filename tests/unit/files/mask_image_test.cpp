#include "medley/files/mask_image.hpp"

#include <gtest/gtest.h>
#include <png.h>

#include "medley/files/image.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

// The indices of an indexed PNG, as a program sees them that does not look at the colours.
std::vector<std::uint8_t> indices(const std::string& file, int& height, int& width) {
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  std::pair<const char*, std::size_t> rest(file.data(), file.size());
  png_set_read_fn(png, &rest, [](png_structp reader, png_bytep to, std::size_t size) {
    auto& from = *static_cast<std::pair<const char*, std::size_t>*>(png_get_io_ptr(reader));
    if (size > from.second) png_error(reader, "too short");
    std::copy_n(from.first, size, to);
    from = {from.first + size, from.second - size};
  });
  png_read_info(png, info);
  EXPECT_EQ(png_get_color_type(png, info), PNG_COLOR_TYPE_PALETTE);
  png_set_packing(png);
  height = static_cast<int>(png_get_image_height(png, info));
  width = static_cast<int>(png_get_image_width(png, info));
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width));
  for (int y = 0; y < height; ++y) png_read_row(png, pixels.data() + y * width, nullptr);
  png_destroy_read_struct(&png, &info, nullptr);
  return pixels;
}

TEST(MaskImage, HoldsTheClassOfEachPixel) {
  const TemporaryFolder folder;
  for (const int classes : {2, 3, 5, 20, 255}) {
    std::vector<std::uint8_t> mask(7 * 9);
    for (std::size_t i = 0; i < mask.size(); ++i) {
      mask[i] = static_cast<std::uint8_t>(i * 37 % static_cast<std::size_t>(classes));
    }
    write_mask(folder / "mask.png", 7, 9, mask, classes);
    int height = 0, width = 0;
    EXPECT_EQ(indices(read_text(folder / "mask.png"), height, width), mask) << classes;
    EXPECT_EQ(height, 7);
    EXPECT_EQ(width, 9);
  }
}

TEST(MaskImage, ColoursTellTheClassesApart) {
  const TemporaryFolder folder;
  Image image;
  write_mask(folder / "two.png", 1, 2, std::vector<std::uint8_t>{0, 1}, 2);
  decode_image(bytes_of(read_text(folder / "two.png")), 1, image);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 255}));
  write_mask(folder / "four.png", 1, 4, std::vector<std::uint8_t>{0, 1, 2, 3}, 4);
  decode_image(bytes_of(read_text(folder / "four.png")), 3, image);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0}));
}

TEST(MaskImage, WhatIsNotKnownIsGray) {
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> mask{0, 255, 1};
  write_mask(folder / "mask.png", 1, 3, mask, 2);
  int height = 0, width = 0;
  EXPECT_EQ(indices(read_text(folder / "mask.png"), height, width), mask);
  Image image;
  decode_image(bytes_of(read_text(folder / "mask.png")), 1, image);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 128, 255}));
}

TEST(MaskImage, NamesTheFileThatCannotBeWritten) {
  const TemporaryFolder folder;
  EXPECT_ERROR(write_mask(folder / "none" / "mask.png", 1, 1, std::vector<std::uint8_t>{0}, 2),
               "4: ...none/mask.png");
}

}  // namespace
}  // namespace medley
