#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "medley/base/error.hpp"
#include "medley/files/deep_image.hpp"
#include "medley/files/fit_geometry.hpp"
#include "medley/files/image.hpp"

namespace medley {
namespace {

constexpr std::array<std::string_view, 3> fit_names{"crop", "stretch", "pad"};

constexpr int weight_bits = 16;
constexpr int between_bits = 8;  // fractional bits kept between the two passes

// The weights of every output pixel along one axis. Output i looks at the inputs first[i] ... and
// has width(i) weights, whose sum is 2^16; an output pixel outside of the picture has none.
struct Taps {
  std::vector<std::int32_t> first;
  std::vector<std::uint32_t> begin;  // where its weights begin; one more than outputs
  std::vector<std::uint32_t> weights;
};

// In units of 1 / (2 scale.out) of an input pixel, the middle of output i is at fit_middle(), the middle of input j at
// (2 j + 1) scale.out, and the triangle reaches 2 max(scale.in, scale.out) to both sides. All of this is exact in 64 bits,
// as no side exceeds max_side.
Taps make_taps(std::int64_t in_size, std::int64_t out_size, FitScale scale) {
  Taps taps;
  const std::int64_t unit = 2 * scale.out, reach = 2 * std::max(scale.in, scale.out);
  std::vector<std::int64_t> triangle;
  taps.begin.push_back(0);
  for (std::int64_t i = 0; i < out_size; ++i) {
    const std::int64_t middle = fit_middle(in_size, out_size, scale, i);
    const bool outside = middle < 0 || middle > in_size * unit;
    const std::int64_t low = std::clamp<std::int64_t>((middle - reach) / unit, 0, in_size - 1);
    const std::int64_t high = std::clamp<std::int64_t>((middle + reach) / unit, 0, in_size - 1);
    taps.first.push_back(static_cast<std::int32_t>(low));
    triangle.clear();
    std::int64_t total = 0;
    for (std::int64_t j = low; j <= high && !outside; ++j) {
      const std::int64_t distance = std::abs((2 * j + 1) * scale.out - middle);
      triangle.push_back(std::max<std::int64_t>(0, reach - distance));
      total += triangle.back();
    }
    // Rounding the running sum, not each weight, makes the sum exact.
    std::int64_t sum = 0, rounded = 0;
    for (const std::int64_t weight : triangle) {
      sum += weight;
      const std::int64_t next = ((sum << weight_bits) + total / 2) / total;
      taps.weights.push_back(static_cast<std::uint32_t>(next - rounded));
      rounded = next;
    }
    taps.begin.push_back(static_cast<std::uint32_t>(taps.weights.size()));
  }
  return taps;
}

// Arithmetic in whole numbers, of bytes: between the passes 8 + between_bits.
struct ByteFilter {
  using Pixel = std::uint8_t;
  using Row = std::uint16_t;
  using Sum = std::uint32_t;  // at most 255 * 2^16 in a row, 255 * 2^24 in the end

  Sum value(Pixel pixel) const { return pixel; }
  Row row(Sum sum) const {
    constexpr int shift = weight_bits - between_bits;
    return static_cast<Row>((sum + (1u << (shift - 1))) >> shift);
  }
  void store(std::size_t i, Sum sum) const {
    constexpr int shift = weight_bits + between_bits;
    out[i] = static_cast<std::uint8_t>((sum + (1u << (shift - 1))) >> shift);
  }
  std::uint8_t* out;
};

// In doubles, above black: what is outside of the picture, and has no weights, is black then. A
// constant picture stays constant, as its sums are exact.
struct DeepFilter {
  using Pixel = float;
  using Row = double;
  using Sum = double;

  Sum value(Pixel pixel) const { return static_cast<double>(pixel) - from.low; }
  Row row(Sum sum) const { return sum * (1.0 / (1 << weight_bits)); }
  void store(std::size_t i, Sum sum) const {
    const float value = convert_pixel(sum * (1.0 / (1 << weight_bits)) + from.low, from, to);
    with_pixel_type(to.type, [&]<class T>(T) {
      const T pixel = static_cast<T>(value);
      std::memcpy(out + i * sizeof(T), &pixel, sizeof(T));
    });
  }
  PixelFormat from, to;
  std::byte* out;
};

// One row of pixels to one row of planes: `out` has channels x width values.
template <class Filter>
void fit_row(const Filter& filter, const typename Filter::Pixel* row, int channels,
             const Taps& taps, typename Filter::Row* out) {
  const std::size_t width = taps.first.size();
  for (std::size_t x = 0; x < width; ++x) {
    const std::uint32_t* const weights = taps.weights.data() + taps.begin[x];
    const std::uint32_t count = taps.begin[x + 1] - taps.begin[x];
    for (int c = 0; c < channels; ++c) {
      const typename Filter::Pixel* pixel =
          row + static_cast<std::ptrdiff_t>(taps.first[x]) * channels + c;
      typename Filter::Sum sum = 0;
      for (std::uint32_t k = 0; k < count; ++k, pixel += channels)
        sum += weights[k] * filter.value(*pixel);
      out[static_cast<std::size_t>(c) * width + x] = filter.row(sum);
    }
  }
}

template <class Filter>
void fit_planes(const Filter& filter, const typename Filter::Pixel* pixels, PictureShape in,
                Fit fit, PictureShape shape) {
  const std::int64_t in_h = in.height, in_w = in.width;
  const auto [down, across] = fit_scales(fit, in_h, in_w, shape.height, shape.width);
  const Taps rows = make_taps(in_h, shape.height, down);
  const Taps columns = make_taps(in_w, shape.width, across);

  // Each input row is squeezed once and added to the output rows that look at it, so that memory
  // does not depend on the picture's height.
  const std::size_t row_size = static_cast<std::size_t>(shape.channels) * columns.first.size();
  std::vector<typename Filter::Row> row(row_size);
  const std::size_t height = rows.first.size(), width = columns.first.size();
  std::vector<typename Filter::Sum> sums(height * row_size, 0);
  for (std::int64_t y = 0; y < in_h; ++y) {
    bool squeezed = false;
    for (std::size_t i = 0; i < height; ++i) {
      const std::int64_t k = y - rows.first[i];
      if (k < 0 || k >= rows.begin[i + 1] - rows.begin[i]) continue;
      if (!squeezed)
        fit_row(
            filter,
            pixels + static_cast<std::size_t>(y * in_w) * static_cast<std::size_t>(shape.channels),
            shape.channels, columns, row.data());
      squeezed = true;
      const std::uint32_t weight = rows.weights[rows.begin[i] + static_cast<std::size_t>(k)];
      for (std::size_t j = 0; j < row_size; ++j) sums[i * row_size + j] += weight * row[j];
    }
  }
  for (std::size_t i = 0; i < height; ++i)
    for (std::size_t c = 0; c < static_cast<std::size_t>(shape.channels); ++c)
      for (std::size_t x = 0; x < width; ++x)
        filter.store((c * height + i) * width + x, sums[i * row_size + c * width + x]);
}

}  // namespace

Fit parse_fit(std::string_view text) {
  for (std::size_t i = 0; i < fit_names.size(); ++i)
    if (text == fit_names[i]) return static_cast<Fit>(i);
  throw usage_error(fmt::format("--fit is crop, stretch or pad, not '{}'", text));
}

std::string_view to_string(Fit fit) { return fit_names[static_cast<std::size_t>(fit)]; }

void fit_image(const Image& image, Fit fit, PictureShape shape, std::span<std::uint8_t> out) {
  fit_planes(ByteFilter{out.data()}, image.pixels.data(), image.shape, fit, shape);
}

void fit_image(const DeepImage& image, Fit fit, PictureShape shape, const PixelFormat& pixels,
               std::span<std::byte> out) {
  if (image.pixels.type == PixelType::u8 && pixels.type == PixelType::u8) {
    const std::vector<std::uint8_t> bytes(image.values.begin(), image.values.end());
    auto* const to = reinterpret_cast<std::uint8_t*>(out.data());
    return fit_planes(ByteFilter{to}, bytes.data(), image.shape, fit, shape);
  }
  fit_planes(DeepFilter{image.pixels, pixels, out.data()}, image.values.data(), image.shape, fit,
             shape);
}

}  // namespace medley
