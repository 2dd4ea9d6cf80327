// Pictures of more than 8 bits: conversion, fitting beside the filter of bytes, and PNG.
#include "medley/files/deep_image.hpp"

#include <gtest/gtest.h>
#include <png.h>

#include <cstring>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

constexpr PixelFormat u8{}, u16 = PixelFormat::of(PixelType::u16);
constexpr PixelFormat floats = PixelFormat::floats(-1.0f, 3.0f);

TEST(ConvertPixel, BlackStaysBlackAndWhiteWhite) {
  EXPECT_EQ(convert_pixel(255, u8, u16), 65535.0f);
  EXPECT_EQ(convert_pixel(100, u8, u16), 25700.0f);
  EXPECT_EQ(convert_pixel(65535, u16, u8), 255.0f);
  EXPECT_EQ(convert_pixel(128, u16, u8), 0.0f);
  EXPECT_EQ(convert_pixel(129, u16, u8), 1.0f);
  EXPECT_EQ(convert_pixel(255, u8, floats), 3.0f);
  EXPECT_EQ(convert_pixel(51, u8, floats), -0.2f);
  EXPECT_EQ(convert_pixel(1, floats, u16), 32768.0f);
  EXPECT_EQ(convert_pixel(9, floats, u8), 255.0f) << "cut to what there is";
  EXPECT_EQ(convert_pixel(-9, floats, u8), 0.0f);
  EXPECT_EQ(convert_pixel(7.25, floats, floats), 7.25f) << "floats may go beyond";
}

template <class T>
std::vector<T> fitted(const DeepImage& image, Fit fit, PictureShape shape, const PixelFormat& to) {
  std::vector<T> out(shape.bytes());
  fit_image(image, fit, shape, to, std::as_writable_bytes(std::span(out)));
  return out;
}

// A picture of 8 bits, and the same with its pixels times 257.
struct Pair {
  Image bytes{{3, 20, 31}, {}};
  DeepImage deep{{3, 20, 31}, u16, {}};
  Pair() {
    for (std::size_t i = 0; i < bytes.shape.bytes(); ++i) {
      bytes.pixels.push_back(static_cast<std::uint8_t>(i * i % 251));
      deep.values.push_back(257.0f * bytes.pixels.back());
    }
  }
};

TEST(DeepFit, IsTheFilterOfBytesWithLessRounding) {
  const Pair pair;
  for (const PictureShape shape : {PictureShape{3, 8, 8}, {3, 40, 33}, {3, 7, 29}}) {
    for (const Fit fit : {Fit::crop, Fit::stretch, Fit::pad}) {
      std::vector<std::uint8_t> wanted(shape.bytes());
      fit_image(pair.bytes, fit, shape, wanted);
      const auto found = fitted<std::uint16_t>(pair.deep, fit, shape, u16);
      for (std::size_t i = 0; i < wanted.size(); ++i)
        ASSERT_NEAR(found[i] / 257.0, wanted[i], 0.51) << to_string(fit) << " " << i;
    }
  }
}

TEST(DeepFit, OfItsOwnSizeChangesNothing) {
  const Pair pair;
  const auto found = fitted<std::uint16_t>(pair.deep, Fit::crop, pair.deep.shape, u16);
  const std::size_t plane = 20 * 31;
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_EQ(found[i], pair.deep.values[i % plane * 3 + i / plane]);
}

TEST(DeepFit, OfOneColourStaysSo) {
  for (const float value : {-1.0f, 0.1f, 2.7182817f, 3.0f}) {
    const DeepImage image{{1, 13, 17}, floats, std::vector<float>(13 * 17, value)};
    for (const PictureShape shape : {PictureShape{1, 5, 7}, {1, 30, 30}})
      for (const float found : fitted<float>(image, Fit::crop, shape, floats))
        ASSERT_EQ(found, value);
  }
}

TEST(DeepFit, PadsWithBlackWhateverThatIs) {
  const DeepImage image{{1, 2, 4}, floats, std::vector<float>(8, 2.0f)};
  const auto found = fitted<float>(image, Fit::pad, {1, 4, 4}, floats);
  EXPECT_EQ(found[0], -1.0f);
  EXPECT_EQ(found[6], 2.0f);
}

TEST(DeepFit, OfBytesToBytesIsThatOfImages) {
  const Pair pair;
  DeepImage same{pair.bytes.shape, u8, {}};
  same.values.assign(pair.bytes.pixels.begin(), pair.bytes.pixels.end());
  const PictureShape shape{3, 9, 9};
  std::vector<std::uint8_t> wanted(shape.bytes());
  fit_image(pair.bytes, Fit::crop, shape, wanted);
  EXPECT_EQ(fitted<std::uint8_t>(same, Fit::crop, shape, u8), wanted);
}

TEST(DeepChannels, GrayAndColourBecomeEachOther) {
  DeepImage image{{3, 1, 2}, u16, {65535, 0, 0, 1000, 1000, 1000}};
  to_channels(1, image);
  EXPECT_EQ(image.values, (std::vector<float>{19595, 1000}));
  to_channels(3, image);
  EXPECT_EQ(image.values, (std::vector<float>{19595, 19595, 19595, 1000, 1000, 1000}));
  EXPECT_ERROR(to_channels(4, image), "3: a picture of 3 channels, but the experiment reads 4");
}

TEST(DeepChannels, AlphaIsLaidOnWhite) {
  DeepImage image{{2, 1, 3}, floats, {1, 3, 1, -1, 1, 1}};
  drop_alpha(image, false);
  EXPECT_EQ(image.values, (std::vector<float>{1, 3, 2}));
}

std::string png_of_16_bits() {
  const std::vector<std::uint16_t> pixels{0, 257, 1000, 65535};
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = 2;
  image.format = PNG_FORMAT_LINEAR_Y;
  png_alloc_size_t size = 0;
  EXPECT_NE(png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr), 0);
  std::string file(size, '\0');
  EXPECT_NE(png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr), 0);
  return file;
}

TEST(DeepPng, KeepsItsBits) {
  DeepImage image;
  decode_deep(bytes_of(png_of_16_bits()), 1, u16, image);
  EXPECT_EQ(image.pixels, u16);
  EXPECT_EQ(image.values, (std::vector<float>{0, 257, 1000, 65535}));
  std::vector<std::uint8_t> bytes(4);
  decode_and_fit(bytes_of(png_of_16_bits()), Fit::crop, {1, 2, 2}, u8,
                 std::as_writable_bytes(std::span(bytes)));
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0, 1, 4, 255}));
  EXPECT_ERROR(decode_deep(bytes_of(png_of_16_bits()), 5, u16, image),
               "3: a picture of 1 channel, but");
}

}  // namespace
}  // namespace medley
