// Pictures: every kind of PNG and JPEG decodes to the right pixels, damage is refused, and resizing
// agrees with a plain double-precision reference.
#include "medley/files/image.hpp"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>

#include "tests/files_helpers.hpp"
#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

using PixelBytes = std::vector<std::uint8_t>;

std::string text(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}

int noise(int y, int x, int c) { return (y * 7919 + x * 104729 + c * 1299709) % 251; }
int smooth(int y, int x, int c) { return std::min(255, 20 + 3 * y + 2 * x + 30 * c); }

// --- PNG -----------------------------------------------------------------------------------------

TEST(Png, EightBitGrayAndColour) {
  for (const int channels : {1, 3}) {
    const Image image = make_image({channels, 5, 9}, noise);
    const Image found = decode(make_png(image), channels);
    EXPECT_EQ(found.shape, image.shape);
    EXPECT_EQ(found.pixels, image.pixels);
  }
}

TEST(Png, FewBitsAndSixteen) {
  // A row of gray pixels of each depth, packed from the left.
  EXPECT_EQ(decode(make_png({3, 1, 1, png_gray, text({0, 0b10100000}), ""}), 1).pixels,
            (PixelBytes{255, 0, 255}));
  EXPECT_EQ(decode(make_png({3, 1, 2, png_gray, text({0, 0b00011000}), ""}), 1).pixels,
            (PixelBytes{0, 85, 170}));
  EXPECT_EQ(decode(make_png({2, 1, 4, png_gray, text({0, 0x3F}), ""}), 1).pixels,
            (PixelBytes{51, 255}));
  EXPECT_EQ(
      decode(make_png({3, 1, 16, png_gray, text({0, 0x80, 0x80, 0x80, 0xFF, 0xFF, 0xFF}), ""}), 1)
          .pixels,
      (PixelBytes{128, 128, 255}));
  // 0x81FF is 129.498 of 255, 0x80FF 128.498: rounded, not cut.
  EXPECT_EQ(decode(make_png({1, 1, 16, png_gray, text({0, 0x81, 0x7F}), ""}), 1).pixels,
            (PixelBytes{129}));
  EXPECT_EQ(decode(make_png({1, 1, 16, png_gray, text({0, 0x00, 0xFF}), ""}), 1).pixels,
            (PixelBytes{1}));
}

TEST(Png, PaletteWithAndWithoutTransparency) {
  const std::string colours = png_chunk("PLTE", text({10, 20, 30, 200, 100, 0}));
  const std::string rows = text({0, 0b01000000});
  EXPECT_EQ(decode(make_png({2, 1, 1, png_palette, rows, colours}), 3).pixels,
            (PixelBytes{10, 20, 30, 200, 100, 0}));
  // The first colour is transparent, on white.
  EXPECT_EQ(
      decode(make_png({2, 1, 1, png_palette, rows, colours + png_chunk("tRNS", text({0}))}), 3)
          .pixels,
      (PixelBytes{255, 255, 255, 200, 100, 0}));
}

TEST(Png, AlphaIsLaidOnWhite) {
  EXPECT_EQ(decode(make_png({3, 1, 8, png_rgba,
                             text({0, 10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 255, 128}), ""}),
                   3)
                .pixels,
            (PixelBytes{10, 20, 30, 255, 255, 255, 127, 177, 255}));
  EXPECT_EQ(decode(make_png({2, 1, 8, png_gray_alpha, text({0, 7, 255, 7, 0}), ""}), 1).pixels,
            (PixelBytes{7, 255}));
}

TEST(Png, Interlaced) {
  const Image image = make_image({1, 13, 11}, noise);
  constexpr int first_x[]{0, 4, 0, 2, 0, 1, 0}, step_x[]{8, 8, 4, 4, 2, 2, 1};
  constexpr int first_y[]{0, 0, 4, 0, 2, 0, 1}, step_y[]{8, 8, 8, 4, 4, 2, 2};
  std::string rows;
  for (int pass = 0; pass < 7; ++pass)
    for (int y = first_y[pass]; y < 13; y += step_y[pass]) {
      if (first_x[pass] < 11) rows += '\0';
      for (int x = first_x[pass]; x < 11; x += step_x[pass])
        rows += static_cast<char>(image.pixels[static_cast<std::size_t>(y * 11 + x)]);
    }
  EXPECT_EQ(decode(make_png({11, 13, 8, png_gray, rows, "", true}), 1).pixels, image.pixels);
}

TEST(Png, DamageIsRefused) {
  const std::string good = make_png(make_image({3, 6, 5}, noise));
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_ERROR(decode(std::string_view(good).substr(0, n), 3), "3: ") << n << " bytes";
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    EXPECT_ERROR(decode(bad, 3), "3: ") << "byte " << i;
  }
  EXPECT_ERROR(decode(std::string_view(good).substr(0, 60), 3), "3: damaged PNG: ...cut off");
  EXPECT_ERROR(decode(make_png({5, 6, 8, png_gray, std::string(20, '\0'), ""}), 1),
               "3: damaged PNG: ...ot enough image data");
}

TEST(Png, AbsurdSizesAreRefused) {
  EXPECT_ERROR(decode(make_png({60'000, 60'000, 8, png_gray, "", ""}), 1), "3: 60000 x 60000");
  EXPECT_ERROR(decode(make_png({70'000, 1, 8, png_gray, "", ""}), 1), "3: 70000 x 1");
  EXPECT_ERROR(decode(make_png({0x7FFFFFFF, 0x7FFFFFFF, 8, png_rgba, "", ""}), 1), "3: ");
  EXPECT_ERROR(decode(make_png({0, 4, 8, png_gray, "", ""}), 1), "3: ");
  // Not too large, but for so short a file; no memory is taken for it.
  EXPECT_ERROR(decode(make_png({16'384, 16'384, 8, png_rgba, "", ""}), 3),
               "3: damaged PNG: the file is cut off");
}

TEST(Png, EvenSizesThatPackWellAreRead) {
  const Image black = make_image({1, 1500, 1500}, [](int, int, int) { return 0; });
  const std::string file = make_png(black);
  ASSERT_LT(file.size(), 1500u * 1500u / 500u);
  EXPECT_EQ(decode(file, 1).pixels, black.pixels);
}

TEST(Png, PackedTextsAreNotUnpacked) {
  std::string packed(200, '\0');
  uLongf size = packed.size();
  const std::string zeros(100'000, '\0');
  ::compress(reinterpret_cast<Bytef*>(packed.data()), &size,
             reinterpret_cast<const Bytef*>(zeros.data()), zeros.size());
  packed.resize(size - 10);  // unpacking would fail
  const std::string text = png_chunk("zTXt", std::string("key\0\0", 5) + packed) +
                           png_chunk("iCCP", std::string("key\0\0", 5) + packed);
  EXPECT_EQ(decode(make_png({1, 1, 8, png_gray, std::string("\0a", 2), text}), 1).pixels,
            PixelBytes{'a'});
}

// --- JPEG ----------------------------------------------------------------------------------------

int worst_difference(const PixelBytes& a, const PixelBytes& b) {
  int worst = a.size() == b.size() ? 0 : 256;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

TEST(Jpeg, GrayColourAndProgressive) {
  for (const int channels : {1, 3}) {
    const Image image = make_image({channels, 33, 50}, smooth);
    for (const bool progressive : {false, true}) {
      const Image found = decode(make_jpeg(image,
                                           [&](jpeg_compress_struct& info) {
                                             if (progressive) jpeg_simple_progression(&info);
                                           }),
                                 channels);
      EXPECT_EQ(found.shape, image.shape);
      EXPECT_LE(worst_difference(found.pixels, image.pixels), 12);
    }
  }
}

TEST(Jpeg, CmykBecomesColour) {
  // 30% cyan and 20% black: red 0.7 * 0.8, green and blue 0.8. libjpeg writes Adobe's marker, with
  // which the values are inverted.
  const Image inks = make_image({4, 16, 16}, [](int, int, int c) {
    return c == 0 ? 255 - 76 : c == 3 ? 255 - 51 : 255;
  });
  const Image found = decode(make_jpeg(inks), 3);
  EXPECT_EQ(found.shape, (PictureShape{3, 16, 16}));
  EXPECT_NEAR(found.pixels[0], 143, 2);
  EXPECT_NEAR(found.pixels[1], 204, 2);
  EXPECT_NEAR(found.pixels[2], 204, 2);
}

TEST(Jpeg, TheSameBytesOnEveryMachine) {
  // Chroma at half size in both, one or no direction: each has its own upsampling.
  const Image image = make_image({3, 61, 83}, [](int y, int x, int c) {
    return (noise(y / 3, x / 5, c) + smooth(y, x, c)) / 2;
  });
  std::uint64_t digest = 0;
  for (const auto& factors : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}}) {
    const std::string file = make_jpeg(image, [&](jpeg_compress_struct& info) {
      info.comp_info[0].h_samp_factor = factors.first;
      info.comp_info[0].v_samp_factor = factors.second;
    });
    const Image found = decode(file, 3);
    digest = XXH3_64bits_withSeed(found.pixels.data(), found.pixels.size(), digest);
  }
  EXPECT_EQ(digest, 14323051135989176723u);
}

TEST(Jpeg, DamageIsRefused) {
  const std::string good = make_jpeg(make_image({3, 40, 40}, noise));
  for (std::size_t n = 0; n < good.size(); n += n < 700 ? 1 : 13)
    EXPECT_ERROR(decode(std::string_view(good).substr(0, n), 3), "3: ") << n << " bytes";
  EXPECT_ERROR(decode(std::string_view(good).substr(0, good.size() / 2), 3),
               "3: damaged JPEG: ...remature end");
  EXPECT_ERROR(decode(std::string_view(good).substr(0, good.size() - 2), 3),
               "3: damaged JPEG: ...remature end");
  // Flipped bits need not show, but must neither crash nor read outside (sanitizers watch).
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << i % 8));
    error_of([&] { decode(bad, 3); });
  }
}

TEST(Jpeg, AbsurdFilesAreRefused) {
  std::string huge = make_jpeg(make_image({1, 8, 8}, noise));
  const std::size_t frame = huge.find("\xFF\xC0");
  for (std::size_t i = 5; i < 9; ++i) huge[frame + i] = '\xFD';  // height and width
  EXPECT_ERROR(decode(huge, 1), "3: 65021 x 65021 pixels");
  huge[frame + 5] = huge[frame + 7] = '\x3F';
  EXPECT_ERROR(decode(huge, 1), "3: damaged JPEG: the file is cut off");
  // Each sample weight in two scans of its own: legal, and made to keep a decoder busy.
  std::vector<jpeg_scan_info> scans;
  scans.push_back({3, {0, 1, 2}, 0, 0, 0, 0});
  for (int component = 0; component < 3; ++component)
    for (int k = 1; k < 64; ++k)
      for (const int bit : {1, 0}) scans.push_back({1, {component}, k, k, bit == 1 ? 0 : 1, bit});
  const auto with_scans = [&](std::size_t count) {
    return make_jpeg(make_image({3, 8, 8}, noise), [&](jpeg_compress_struct& info) {
      info.scan_info = scans.data();
      info.num_scans = static_cast<int>(count);
    });
  };
  EXPECT_EQ(error_of([&] { decode(with_scans(127), 3); }), "no error");
  EXPECT_ERROR(decode(with_scans(scans.size()), 3), "3: ...more than 200 scans");
}

TEST(Jpeg, EvenPicturesThatPackWellAreRead) {
  const Image black = make_image({1, 1600, 1600}, [](int, int, int) { return 0; });
  for (const bool progressive : {false, true}) {
    const std::string file = make_jpeg(black, [&](jpeg_compress_struct& info) {
      info.optimize_coding = TRUE;
      if (progressive) jpeg_simple_progression(&info);
    });
    EXPECT_EQ(decode(file, 1).pixels, black.pixels);
  }
}

TEST(Jpeg, ArithmeticCodingIsRefused) {
  const std::string file = make_jpeg(make_image({1, 16, 16}, noise),
                                     [](jpeg_compress_struct& info) { info.arith_code = TRUE; });
  EXPECT_ERROR(decode(file, 1), "3: a JPEG with arithmetic coding: convert it");
}

// --- both ----------------------------------------------------------------------------------------

TEST(Picture, ColourBecomesGrayAndBack) {
  const Image colours = make_image({3, 1, 5}, [](int, int x, int c) {
    constexpr int table[5][3]{{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}, {9, 9, 9}};
    return table[x][c];
  });
  EXPECT_EQ(decode(make_png(colours), 1).pixels, (PixelBytes{76, 150, 29, 255, 9}));
  const Image gray = make_image({1, 1, 3}, [](int, int x, int) { return 100 * x; });
  EXPECT_EQ(decode(make_png(gray), 3).pixels, (PixelBytes{0, 0, 0, 100, 100, 100, 200, 200, 200}));
}

TEST(Picture, OtherNumbersOfChannelsAreRefused) {
  const std::string png = make_png(make_image({3, 4, 5}, [](int, int, int) { return 9; }));
  Image image;
  for (const int channels : {0, 2, 4, 5, 17}) {
    const std::string expected = "2: this experiment reads " + std::to_string(channels) +
                                 " channels...1 (gray) or 3...NumPy...(N, " +
                                 std::to_string(channels) + ", H, W)...--data";
    EXPECT_ERROR(decode_image(bytes_of(png), channels, image), expected);
    EXPECT_ERROR(require_picture_channels(channels), expected);
  }
  EXPECT_ERROR(require_picture_channels(1), "no error");
  EXPECT_ERROR(require_picture_channels(3), "no error");
}

TEST(Picture, OtherKindsAreNamed) {
  EXPECT_ERROR(decode("", 3), "3: an empty file");
  EXPECT_ERROR(decode("GIF89a......", 3),
               "3: neither JPEG, PNG, BMP, TIFF nor WebP but a GIF: convert it");
  EXPECT_ERROR(decode("RIFF1234WEBPVP8 ", 3), "3: ...WebP");
  EXPECT_ERROR(decode("<html>not found</html>", 3), "3: ...a text");
  EXPECT_ERROR(decode("\x89PNG", 3), "3: neither");
}

TEST(Picture, LoadingNamesTheFile) {
  const TemporaryFolder folder;
  write_text(folder / "a.png", make_png(make_image({3, 2, 2}, noise)));
  write_text(folder / "b.png", "nonsense");
  PixelBytes out(3 * 4 * 4);
  load_picture(folder / "a.png", Fit::crop, {3, 4, 4}, out);
  EXPECT_EQ(out[0], noise(0, 0, 0));
  EXPECT_ERROR(load_picture(folder / "b.png", Fit::crop, {3, 4, 4}, out), "3: ...b.png: neither");
  EXPECT_ERROR(load_picture(folder / "c.png", Fit::crop, {3, 4, 4}, out), "4: ...c.png");
}

// --- resizing ------------------------------------------------------------------------------------

// The same filter in double precision: weight max(0, 1 - |distance| / max(scale, 1)) around the
// output pixel's middle, normalized; black where the middle is outside of the picture.
std::vector<double> reference_axis(const std::vector<double>& in, int out_size, double scale) {
  const int in_size = static_cast<int>(in.size());
  std::vector<double> out;
  for (int i = 0; i < out_size; ++i) {
    const double middle = in_size / 2.0 + (i + 0.5 - out_size / 2.0) * scale;
    double sum = 0, weights = 0;
    for (int j = 0; j < in_size; ++j) {
      const double weight = std::max(0.0, 1 - std::abs(j + 0.5 - middle) / std::max(scale, 1.0));
      sum += weight * in[static_cast<std::size_t>(j)];
      weights += weight;
    }
    out.push_back(middle < 0 || middle > in_size ? 0 : sum / weights);
  }
  return out;
}

std::vector<double> reference(const Image& image, Fit fit, PictureShape shape) {
  const int h = image.shape.height, w = image.shape.width;
  double down = double(h) / shape.height, across = double(w) / shape.width;
  if (fit == Fit::crop) down = across = std::min(down, across);
  if (fit == Fit::pad) down = across = std::max(down, across);
  std::vector<double> out;
  for (int c = 0; c < shape.channels; ++c) {
    std::vector<std::vector<double>> columns(static_cast<std::size_t>(shape.width));
    for (int y = 0; y < h; ++y) {
      std::vector<double> row;
      for (int x = 0; x < w; ++x)
        row.push_back(image.pixels[static_cast<std::size_t>((y * w + x) * shape.channels + c)]);
      const auto squeezed = reference_axis(row, shape.width, across);
      for (std::size_t x = 0; x < squeezed.size(); ++x) columns[x].push_back(squeezed[x]);
    }
    for (auto& column : columns) column = reference_axis(column, shape.height, down);
    for (std::size_t y = 0; y < static_cast<std::size_t>(shape.height); ++y)
      for (const auto& column : columns) out.push_back(column[y]);
  }
  return out;
}

TEST(Fit, AgreesWithTheReference) {
  constexpr std::pair<int, int> sizes[]{{64, 64}, {128, 171}, {171, 128}, {1, 1},
                                        {1, 90},  {40, 3},    {33, 65},   {700, 20}};
  for (const auto& [h, w] : sizes)
    for (const PictureShape shape : {PictureShape{3, 64, 64}, {1, 5, 9}, {1, 1, 1}, {3, 30, 70}})
      for (const Fit fit : {Fit::crop, Fit::stretch, Fit::pad}) {
        const Image image = make_image({shape.channels, h, w}, noise);
        PixelBytes out(shape.bytes());
        fit_image(image, fit, shape, out);
        const auto expected = reference(image, fit, shape);
        double worst = 0;
        for (std::size_t i = 0; i < out.size(); ++i)
          worst = std::max(worst, std::abs(out[i] - expected[i]));
        EXPECT_LE(worst, 0.51) << h << " x " << w << " to " << shape.height << " x " << shape.width
                               << ", " << to_string(fit);
      }
}

TEST(Fit, ConstantPicturesStayConstant) {
  for (const int value : {0, 1, 128, 254, 255})
    for (const int side : {1, 2, 7, 63, 64, 65, 129, 1000}) {
      const Image image = make_image({1, side, side + 3}, [&](int, int, int) { return value; });
      for (const Fit fit : {Fit::crop, Fit::stretch}) {
        PixelBytes out(64 * 48);
        fit_image(image, fit, {1, 64, 48}, out);
        EXPECT_EQ(out, PixelBytes(64 * 48, static_cast<std::uint8_t>(value))) << side;
      }
    }
}

TEST(Fit, TheSameSizeIsTheSamePicture) {
  const Image image = make_image({1, 19, 23}, noise);
  for (const Fit fit : {Fit::crop, Fit::stretch, Fit::pad}) {
    PixelBytes out(19 * 23);
    fit_image(image, fit, {1, 19, 23}, out);
    EXPECT_EQ(out, image.pixels);
  }
}

TEST(Fit, CropKeepsTheMiddleAndPadTheWhole) {
  // Twice as wide as high: the left and right quarters are bright.
  const Image image =
      make_image({1, 8, 16}, [](int, int x, int) { return x < 4 || x >= 12 ? 200 : 50; });
  PixelBytes out(8 * 8);
  fit_image(image, Fit::crop, {1, 8, 8}, out);
  EXPECT_EQ(out, PixelBytes(8 * 8, 50));
  fit_image(image, Fit::pad, {1, 8, 8}, out);
  for (const int y : {0, 1, 6, 7}) EXPECT_EQ(out[static_cast<std::size_t>(8 * y + 4)], 0) << y;
  for (const int y : {2, 3, 4, 5}) {
    EXPECT_EQ(out[static_cast<std::size_t>(8 * y)], 200) << y;
    EXPECT_EQ(out[static_cast<std::size_t>(8 * y + 4)], 50) << y;
  }
}

TEST(Fit, TheSameBytesOnEveryMachine) {
  std::uint64_t digest = 0;
  const Image image = make_image({3, 171, 128}, noise);
  for (const Fit fit : {Fit::crop, Fit::stretch, Fit::pad}) {
    PixelBytes out(3 * 64 * 64);
    fit_image(image, fit, {3, 64, 64}, out);
    digest = XXH3_64bits_withSeed(out.data(), out.size(), digest);
  }
  EXPECT_EQ(digest, 1204147235477329372u);
}

TEST(Fit, Names) {
  for (const Fit fit : {Fit::crop, Fit::stretch, Fit::pad})
    EXPECT_EQ(parse_fit(to_string(fit)), fit);
  EXPECT_ERROR(parse_fit("squash"), "2: --fit is crop, stretch or pad, not 'squash'");
}

}  // namespace
}  // namespace medley
