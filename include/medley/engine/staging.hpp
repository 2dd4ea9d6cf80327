// From records to a shard's input: augmentation and normalization.
//
// A picture is sampled on a grid in 16.16 fixed point, bilinear with 8-bit weights, the border
// repeated: integers, so that the result is the same everywhere. Flip, shift and crop only choose
// the grid. Masks follow with the nearest pixel. Pixels of 16 bits are sampled likewise, in 32 bits;
// of floats the same weights are used, each product and sum rounded in one written order.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "medley/base/pixels.hpp"
#include "medley/base/random.hpp"
#include "medley/base/tensor.hpp"
#include "medley/experiment/recipe.hpp"

namespace medley {

// Source coordinates of a picture's pixels: origin + step * index, in 1/65536 pixels.
struct SamplingGrid {
  std::int32_t origin_y = 0, origin_x = 0, step_y = 65536, step_x = 65536;

  bool is_identity() const {
    return origin_y == 0 && origin_x == 0 && step_y == 65536 && step_x == 65536;
  }
};

// Draws the grid of one record in one epoch.
inline SamplingGrid draw_grid(const Augmentation& augmentation, Shape shape, std::uint64_t seed,
                              std::uint32_t epoch, std::uint64_t record) {
  const RandomStream stream(seed, Purpose::augmentation, epoch, record);
  const auto first = stream.draw(0), second = stream.draw(1);
  // Side of the part that is kept, in 1/65536 of the picture.
  const auto least = static_cast<std::uint32_t>(augmentation.least_crop * 65536.0);
  const std::int64_t side = least + bounded(first[0], 65536 - least + 1);
  const auto shifted = [&](std::uint32_t bits) {
    const auto most = static_cast<std::uint32_t>(augmentation.shift);
    return (static_cast<std::int64_t>(bounded(bits, 2 * most + 1)) - most) * 65536;
  };
  const auto axis = [&](int size, std::uint32_t place, std::uint32_t shift, std::int32_t& origin,
                        std::int32_t& step) {
    const std::int64_t room = (65536 - side) * size;  // in 1/65536 pixels
    const std::int64_t start = static_cast<std::int64_t>(place) * (room + 1) >> 32;
    step = static_cast<std::int32_t>(side);
    // The centre of the first output pixel: half a step inside, minus half a source pixel.
    origin = static_cast<std::int32_t>(start + (side - 65536) / 2 + shifted(shift));
  };
  SamplingGrid grid;
  axis(shape.h, first[1], second[0], grid.origin_y, grid.step_y);
  axis(shape.w, first[2], second[1], grid.origin_x, grid.step_x);
  if (augmentation.flip && (first[3] & 1u)) {
    grid.origin_x += grid.step_x * (shape.w - 1);
    grid.step_x = -grid.step_x;
  }
  return grid;
}

namespace detail {

// The two pixels around a coordinate, and the second one's share in 1/256.
struct FixedBetween {
  int low, high, share;
};
inline FixedBetween fixed_between(std::int32_t coordinate, int size) {
  const std::int32_t clamped = std::clamp<std::int32_t>(coordinate, 0, (size - 1) * 65536);
  const int low = clamped >> 16;
  return {low, std::min(low + 1, size - 1), (clamped & 0xFFFF) >> 8};
}

}  // namespace detail

// Scale and shift of each channel that bring its pixels to mean 0 and deviation 1.
template <int Channels>
struct Normalization {
  std::array<float, Channels> scale{}, shift{};

  // Of one number a channel each.
  static Normalization of(std::span<const float> mean, std::span<const float> deviation) {
    Normalization n;
    for (std::size_t c = 0; c < n.scale.size() && c < mean.size(); ++c) {
      n.scale[c] = 1.0f / deviation[c];
      n.shift[c] = -mean[c] / deviation[c];
    }
    return n;
  }
};

namespace detail {

// A row of pixels as they are. By 16 at a time, copied first as bytes may be anything's memory: a loop
// that compilers make vectors of. The last 16 overlap those before.
template <int Width, int Pixel, class T>
void stage_row(const T* from, float scale, float shift, float* to) {
  constexpr int step = std::min(Width, lanes);
  std::array<T, step> pixels;
  for (int x = 0; x < Width; x += step) {
    const int first = std::min(x, Width - step);
    std::copy_n(from + first, step, pixels.data());
    for (int i = 0; i < step; ++i) {
      to[(first + i) * Pixel] = static_cast<float>(pixels[i]) * scale + shift;
    }
  }
}

// The value between four pixels.
inline float between(const std::uint8_t* top, const std::uint8_t* bottom, const FixedBetween& h,
                     int share) {
  const int upper = top[h.low] * (256 - h.share) + top[h.high] * h.share;
  const int lower = bottom[h.low] * (256 - h.share) + bottom[h.high] * h.share;
  const int value = upper * (256 - share) + lower * share;  // in 1/65536
  return static_cast<float>(value) * (1.0f / 65536.0f);
}
inline float between(const std::uint16_t* top, const std::uint16_t* bottom, const FixedBetween& h,
                     int share) {
  const auto u = static_cast<std::uint32_t>(h.share), v = static_cast<std::uint32_t>(share);
  const std::uint32_t upper = top[h.low] * (256 - u) + top[h.high] * u;
  const std::uint32_t lower = bottom[h.low] * (256 - u) + bottom[h.high] * u;
  const std::uint32_t value = upper * (256 - v) + lower * v;  // at most 65535 x 65536
  return static_cast<float>(value) * (1.0f / 65536.0f);
}
inline float between(const float* top, const float* bottom, const FixedBetween& h, int share) {
  const float u = static_cast<float>(h.share) * (1.0f / 256.0f);
  const float v = static_cast<float>(share) * (1.0f / 256.0f);
  const float upper = top[h.low] * (1.0f - u) + top[h.high] * u;
  const float lower = bottom[h.low] * (1.0f - u) + bottom[h.high] * u;
  return upper * (1.0f - v) + lower * v;
}

// Writes the channels of sample n of the input tensor.
template <class Input, class T>
void stage_channels(const T* picture, const SamplingGrid& grid,
                    const Normalization<Input::shape.c>& normalization, Input input, int n) {
  constexpr Shape s = Input::shape;
  constexpr bool planar = Input::layout == Layout::planar;
  const bool identity = grid.is_identity();
  std::array<FixedBetween, s.w> columns;
  for (int x = 0; x < s.w && !identity; ++x) {
    columns[x] = fixed_between(grid.origin_x + grid.step_x * x, s.w);
  }
  for (int c = 0; c < s.c; ++c) {
    const T* plane = picture + static_cast<std::ptrdiff_t>(c) * s.pixels();
    const float scale = normalization.scale[c], shift = normalization.shift[c];
    for (int y = 0; y < s.h; ++y) {
      float* to = planar ? input.at(n, c, y, 0) : input.at(n, c / lanes, y, 0) + c % lanes;
      if (identity) {
        stage_row<s.w, Input::pixel>(plane + y * s.w, scale, shift, to);
        continue;
      }
      const auto v = fixed_between(grid.origin_y + grid.step_y * y, s.h);
      const T* top = plane + v.low * s.w;
      const T* bottom = plane + v.high * s.w;
      for (int x = 0; x < s.w; ++x) {
        to[x * Input::pixel] = between(top, bottom, columns[x], v.share) * scale + shift;
      }
    }
  }
}

}  // namespace detail

// Writes sample n of the input tensor. `picture` is C x H x W.
template <class Input>
void stage_picture(Pixels picture, const SamplingGrid& grid,
                   const Normalization<Input::shape.c>& normalization, Input input, int n) {
  constexpr Shape s = Input::shape;
  constexpr bool planar = Input::layout == Layout::planar;
  with_pixel_type(picture.type(), [&]<class T>(T) {
    detail::stage_channels(picture.as<T>(), grid, normalization, input, n);
  });
  if constexpr (!planar && s.c % lanes != 0) {
    for (int y = 0; y < s.h; ++y) {
      for (int x = 0; x < s.w; ++x) {
        std::fill_n(input.at(n, Input::blocks - 1, y, x) + s.c % lanes, lanes - s.c % lanes, 0.0f);
      }
    }
  }
}

// Writes the mask that belongs to the picture.
inline void stage_mask(const std::uint8_t* mask, const SamplingGrid& grid, Shape s,
                       std::uint8_t* to) {
  for (int y = 0; y < s.h; ++y) {
    const int row =
        std::clamp<std::int32_t>((grid.origin_y + grid.step_y * y + 32768) >> 16, 0, s.h - 1);
    for (int x = 0; x < s.w; ++x) {
      const int column =
          std::clamp<std::int32_t>((grid.origin_x + grid.step_x * x + 32768) >> 16, 0, s.w - 1);
      to[y * s.w + x] = mask[row * s.w + column];
    }
  }
}

}  // namespace medley
