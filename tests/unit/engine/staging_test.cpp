// Augmentation: grids by what they are for, pictures against bilinear sampling in double precision,
// masks against the nearest pixel.
#include "medley/engine/staging.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

namespace medley::testing {
namespace {

constexpr Shape shape{3, 9, 14};

SamplingGrid draw(const Augmentation& augmentation, std::uint64_t record, std::uint32_t epoch = 0,
                  std::uint64_t seed = 1) {
  return draw_grid(augmentation, shape, seed, epoch, record);
}
bool same(const SamplingGrid& a, const SamplingGrid& b) {
  return a.origin_y == b.origin_y && a.origin_x == b.origin_x && a.step_y == b.step_y &&
         a.step_x == b.step_x;
}
// In pixels.
double pixels(std::int32_t fixed) { return fixed / 65536.0; }

// --- grids ---------------------------------------------------------------------------------------

TEST(Grid, OfNoAugmentationIsThePictureItself) {
  for (std::uint64_t r = 0; r < 50; ++r) EXPECT_TRUE(draw({}, r).is_identity());
}

TEST(Grid, FlipTurnsEverySecondPictureAround) {
  int flipped = 0;
  for (std::uint64_t r = 0; r < 1000; ++r) {
    const SamplingGrid grid = draw({.flip = true}, r);
    if (grid.is_identity()) continue;
    ++flipped;
    // Column x is column w - 1 - x; rows stay.
    ASSERT_EQ(pixels(grid.origin_x), shape.w - 1);
    ASSERT_EQ(pixels(grid.step_x), -1);
    ASSERT_EQ(grid.origin_y, 0);
    ASSERT_EQ(pixels(grid.step_y), 1);
  }
  EXPECT_NEAR(flipped, 500, 80);  // 5 sigma
}

TEST(Grid, ShiftsByWholePixelsAlongBothAxes) {
  std::set<std::pair<double, double>> seen;
  for (std::uint64_t r = 0; r < 2000; ++r) {
    const SamplingGrid grid = draw({.shift = 2}, r);
    ASSERT_EQ(pixels(grid.step_y), 1);
    ASSERT_EQ(pixels(grid.step_x), 1);
    seen.emplace(pixels(grid.origin_y), pixels(grid.origin_x));
  }
  EXPECT_EQ(seen.size(), 25u) << "each of -2 to 2 along y with each along x";
  for (const auto& [y, x] : seen) {
    EXPECT_EQ(y, std::round(y));
    EXPECT_LE(std::fabs(y), 2);
    EXPECT_LE(std::fabs(x), 2);
  }
}

TEST(Grid, CropsASquarePartAndEnlargesIt) {
  double least = 1, most = 0, sum = 0;
  double nearest_start = 1, farthest_start = 0;
  for (std::uint64_t r = 0; r < 2000; ++r) {
    const SamplingGrid grid = draw({.least_crop = 0.5}, r);
    const double side = pixels(grid.step_y);
    ASSERT_EQ(grid.step_x, grid.step_y) << "the same share of both sides";
    least = std::min(least, side);
    most = std::max(most, side);
    sum += side;
    // Edges of the part: pixel i covers [i - 1/2, i + 1/2], its centre is what is sampled.
    for (const auto& [origin, size] :
         {std::pair{pixels(grid.origin_y), shape.h}, std::pair{pixels(grid.origin_x), shape.w}}) {
      const double start = origin - side / 2 + 0.5, end = start + side * size;
      ASSERT_GE(start, -1e-4);
      ASSERT_LE(end, size + 1e-4);
      if (side < 0.6) {
        nearest_start = std::min(nearest_start, start / (size * (1 - side)));
        farthest_start = std::max(farthest_start, start / (size * (1 - side)));
      }
    }
  }
  EXPECT_NEAR(least, 0.5, 0.01);
  EXPECT_NEAR(most, 1.0, 0.01);
  EXPECT_NEAR(sum / 2000, 0.75, 0.02);
  EXPECT_NEAR(nearest_start, 0, 0.02) << "anywhere in the picture";
  EXPECT_NEAR(farthest_start, 1, 0.02);
}

TEST(Grid, PlacesOfACropAreIndependentOfEachOther) {
  std::set<std::pair<int, int>> quarters;
  for (std::uint64_t r = 0; r < 200; ++r) {
    const SamplingGrid grid = draw({.least_crop = 0.5}, r);
    const double room = 1 - pixels(grid.step_y);
    const auto late = [&](std::int32_t origin, int size) {
      return pixels(origin) - pixels(grid.step_y) / 2 + 0.5 > room * size / 2;
    };
    quarters.emplace(late(grid.origin_y, shape.h), late(grid.origin_x, shape.w));
  }
  EXPECT_EQ(quarters.size(), 4u);
}

TEST(Grid, FlipMirrorsWhatShiftAndCropChose) {
  int flipped = 0;
  for (std::uint64_t r = 0; r < 100; ++r) {
    const Augmentation plain{.shift = 2, .least_crop = 0.7};
    Augmentation both = plain;
    both.flip = true;
    const SamplingGrid a = draw(plain, r), b = draw(both, r);
    ASSERT_EQ(a.origin_y, b.origin_y);
    ASSERT_EQ(a.step_y, b.step_y);
    if (same(a, b)) continue;
    ++flipped;
    // The last column of one is the first of the other.
    ASSERT_EQ(a.origin_x + (shape.w - 1) * a.step_x, b.origin_x);
    ASSERT_EQ(a.origin_x, b.origin_x + (shape.w - 1) * b.step_x);
  }
  EXPECT_GT(flipped, 25);
}

TEST(Grid, IsAFunctionOfSeedEpochAndRecord) {
  const Augmentation all{.flip = true, .shift = 3, .least_crop = 0.6};
  EXPECT_TRUE(same(draw(all, 7, 2, 5), draw(all, 7, 2, 5)));
  EXPECT_FALSE(same(draw(all, 7, 2, 5), draw(all, 8, 2, 5)));
  EXPECT_FALSE(same(draw(all, 7, 2, 5), draw(all, 7, 3, 5)));
  EXPECT_FALSE(same(draw(all, 7, 2, 5), draw(all, 7, 2, 6)));
}

// --- sampling ------------------------------------------------------------------------------------

// A picture's plane at (y, x) in pixels, the border repeated.
double bilinear(const std::function<double(int, int)>& plane, double y, double x) {
  y = std::clamp(y, 0.0, shape.h - 1.0);
  x = std::clamp(x, 0.0, shape.w - 1.0);
  const int top = static_cast<int>(y), left = static_cast<int>(x);
  const int bottom = std::min(top + 1, shape.h - 1), right = std::min(left + 1, shape.w - 1);
  const double v = y - top, u = x - left;
  return (1 - v) * ((1 - u) * plane(top, left) + u * plane(top, right)) +
         v * ((1 - u) * plane(bottom, left) + u * plane(bottom, right));
}

// Pixels of type T from 0 to `top`.
template <class T, Layout L>
void check_picture(const SamplingGrid& grid, double top) {
  std::vector<T> picture(shape.elements());
  for (int i = 0; i < shape.elements(); ++i) {
    const auto drawn = RandomStream(3, Purpose::generator, 0, i).draw(0)[0];
    picture[i] = static_cast<T>(std::is_integral_v<T> ? drawn : drawn / 4294967296.0 * top);
  }
  const auto unit = static_cast<float>(top / 255.0);
  const std::array<float, 3> mean{100 * unit, 50 * unit, 200 * unit},
      deviation{64 * unit, 32 * unit, 16 * unit};
  const auto normalization = Normalization<shape.c>::of(mean, deviation);
  using Input = Tensor<shape, 1, L>;
  std::vector<float> memory(2 * Input::sample, 7.5f);
  const Input input{memory.data()};
  stage_picture(picture.data(), grid, normalization, input, 1);
  for (int c = 0; c < shape.c; ++c) {
    const auto plane = [&](int y, int x) {
      return static_cast<double>(picture[(c * shape.h + y) * shape.w + x]);
    };
    for (int y = 0; y < shape.h; ++y) {
      for (int x = 0; x < shape.w; ++x) {
        const double at = bilinear(plane, pixels(grid.origin_y) + pixels(grid.step_y) * y,
                                   pixels(grid.origin_x) + pixels(grid.step_x) * x);
        const float found = L == Layout::planar ? *input.at(1, c, y, x) : input.at(1, 0, y, x)[c];
        // Weights are cut to 8 bits: up to 1/256 of a difference along each axis.
        ASSERT_NEAR(found * deviation[c] + mean[c], at, 2 * top / 256)
            << "channel " << c << ", row " << y << ", column " << x;
      }
    }
  }
  if (L == Layout::blocked) {
    for (int lane = shape.c; lane < lanes; ++lane) {
      EXPECT_EQ(input.at(1, 0, shape.h - 1, shape.w - 1)[lane], 0.0f) << "a lane that pads";
    }
  }
}

TEST(StagedPicture, IsSampledBetweenPixels) {
  const Augmentation all{.flip = true, .shift = 3, .least_crop = 0.4};
  for (std::uint64_t r = 0; r < 40; ++r) {
    SCOPED_TRACE(r);
    check_picture<std::uint8_t, Layout::planar>(draw(all, r), 255);
    check_picture<std::uint8_t, Layout::blocked>(draw(all, r), 255);
    check_picture<std::uint16_t, Layout::planar>(draw(all, r), 65535);
    check_picture<std::uint16_t, Layout::blocked>(draw(all, r), 65535);
    check_picture<float, Layout::planar>(draw(all, r), 3);
    check_picture<float, Layout::blocked>(draw(all, r), 3);
  }
}

// Where weights are exact, so are values: no tolerance hides which pixel was taken.
template <class T>
void check_exact(int scale) {
  std::vector<T> picture(shape.elements());
  for (int i = 0; i < shape.elements(); ++i) picture[i] = static_cast<T>(i * 37 % 251 * scale);
  const std::array<float, 3> mean{}, deviation{1, 1, 1};
  using Input = Tensor<shape, 0, Layout::planar>;
  std::vector<float> memory(Input::sample);
  const auto grids = std::to_array<SamplingGrid>({
      {},
      {.origin_y = 2 * 65536, .origin_x = -3 * 65536},
      {.origin_x = 13 * 65536, .step_x = -65536},
      {.origin_y = 65536 / 4, .origin_x = 65536 / 2, .step_y = 65536 / 2, .step_x = 65536 * 3 / 4},
      {.origin_y = -65536, .origin_x = 65536 * 27 / 2, .step_y = 65536 * 5 / 4, .step_x = -65536},
  });
  for (const SamplingGrid& grid : grids) {
    stage_picture(picture.data(), grid, Normalization<shape.c>::of(mean, deviation),
                  Input{memory.data()}, 0);
    for (int c = 0; c < shape.c; ++c) {
      const auto plane = [&](int y, int x) {
        return static_cast<double>(picture[(c * shape.h + y) * shape.w + x]);
      };
      for (int y = 0; y < shape.h; ++y) {
        for (int x = 0; x < shape.w; ++x) {
          ASSERT_EQ(memory[(c * shape.h + y) * shape.w + x],
                    bilinear(plane, pixels(grid.origin_y) + pixels(grid.step_y) * y,
                             pixels(grid.origin_x) + pixels(grid.step_x) * x))
              << "grid " << &grid - grids.data() << ", channel " << c << ", row " << y
              << ", column " << x;
        }
      }
    }
  }
}

TEST(StagedPicture, IsExactOnWholeHalfAndQuarterPixels) {
  check_exact<std::uint8_t>(1);
  check_exact<std::uint16_t>(261);  // up to 65250
  check_exact<float>(-300);
}

// Four pixels at the top of the range, where sums of 16 bits are largest.
TEST(StagedPicture, OfWhiteIsWhiteBetweenPixels) {
  const std::vector<std::uint16_t> picture(shape.elements(), 65535);
  const std::array<float, 3> mean{}, deviation{1, 1, 1};
  using Input = Tensor<shape, 0, Layout::planar>;
  std::vector<float> memory(Input::sample);
  const SamplingGrid grid{.origin_y = 100, .origin_x = 12345, .step_y = 65000, .step_x = 50001};
  stage_picture(picture.data(), grid, Normalization<shape.c>::of(mean, deviation),
                Input{memory.data()}, 0);
  for (const float pixel : memory) ASSERT_EQ(pixel, 65535.0f);
}

TEST(StagedMask, HasTheNearestPixelOfThePicture) {
  std::vector<std::uint8_t> mask(shape.pixels()), staged(shape.pixels());
  for (int i = 0; i < shape.pixels(); ++i) mask[i] = static_cast<std::uint8_t>(i);  // each its own
  const Augmentation all{.flip = true, .shift = 3, .least_crop = 0.4};
  for (std::uint64_t r = 0; r < 60; ++r) {
    const SamplingGrid grid = r == 0 ? SamplingGrid{} : draw(all, r);
    stage_mask(mask.data(), grid, shape, staged.data());
    for (int y = 0; y < shape.h; ++y) {
      for (int x = 0; x < shape.w; ++x) {
        const auto nearest = [](double at, int size) {
          return std::clamp(static_cast<int>(std::floor(at + 0.5)), 0, size - 1);
        };
        const int row = nearest(pixels(grid.origin_y) + pixels(grid.step_y) * y, shape.h);
        const int column = nearest(pixels(grid.origin_x) + pixels(grid.step_x) * x, shape.w);
        ASSERT_EQ(staged[y * shape.w + x], row * shape.w + column)
            << "record " << r << ", row " << y << ", column " << x;
      }
    }
  }
}

}  // namespace
}  // namespace medley::testing
