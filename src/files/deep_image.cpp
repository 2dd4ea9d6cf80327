#include "medley/files/deep_image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "medley/base/error.hpp"
#include "medley/files/mapped_file.hpp"
#include "medley/files/tiff.hpp"

namespace medley {
namespace {

// ITU-R BT.601 luma, in 1/65536, as of bytes.
constexpr std::array<double, 3> luma{19595, 38470, 7471};

}  // namespace

void drop_alpha(DeepImage& image, bool associated) {
  const auto components = static_cast<std::size_t>(image.shape.channels), kept = components - 1;
  const auto low = static_cast<double>(image.pixels.low),
             high = static_cast<double>(image.pixels.high);
  const std::size_t count = image.values.size() / components;
  for (std::size_t i = 0; i < count; ++i) {
    const double alpha = (image.values[components * i + kept] - low) / (high - low);
    for (std::size_t c = 0; c < kept; ++c) {
      const double above = image.values[components * i + c] - low;
      image.values[kept * i + c] = static_cast<float>(low + (associated ? above : above * alpha) +
                                                      (high - low) * (1.0 - alpha));
    }
  }
  image.values.resize(kept * count);
  image.shape.channels = static_cast<int>(kept);
}

namespace {

// A file of 8 bits, as decode_image reads it.
void decode_bytes(std::span<const std::byte> file, int channels, DeepImage& out) {
  Image image;
  decode_image(file, channels, image);
  out.shape = image.shape;
  out.pixels = {};
  out.values.assign(image.pixels.begin(), image.pixels.end());
  out.orientation = image.orientation;
}

}  // namespace

float convert_pixel(double value, const PixelFormat& from, const PixelFormat& to) {
  const auto width = [](const PixelFormat& f) { return static_cast<double>(f.high) - f.low; };
  if (from.low != to.low || from.high != to.high)
    value = to.low + (value - from.low) / width(from) * width(to);
  if (to.type != PixelType::f32)
    value = std::clamp(std::floor(value + 0.5), static_cast<double>(to.low),
                       static_cast<double>(to.high));
  return static_cast<float>(value);
}

void to_channels(int channels, DeepImage& image) {
  if (image.shape.channels == channels) return;
  const bool known =
      (channels == 1 && image.shape.channels == 3) || (channels == 3 && image.shape.channels == 1);
  if (!known)
    throw data_error(fmt::format("a picture of {} channel{}, but the experiment reads {}",
                                 image.shape.channels, image.shape.channels == 1 ? "" : "s",
                                 channels));
  std::vector<float>& v = image.values;
  const std::size_t count = v.size() / static_cast<std::size_t>(image.shape.channels);
  if (channels == 1) {
    for (std::size_t i = 0; i < count; ++i) {
      double sum = 0;
      for (std::size_t c = 0; c < 3; ++c) sum += luma[c] * v[3 * i + c];
      v[i] = convert_pixel(sum / 65536.0, image.pixels, image.pixels);
    }
    v.resize(count);
  } else {
    v.resize(3 * count);
    for (std::size_t i = count; i-- > 0;) v[3 * i] = v[3 * i + 1] = v[3 * i + 2] = v[i];
  }
  image.shape.channels = channels;
}

DeepImage part_of(const DeepImage& image, int top, int left, int height, int width) {
  const auto channels = static_cast<std::size_t>(image.shape.channels);
  DeepImage part{{image.shape.channels, height, width}, image.pixels, {}, image.orientation};
  part.values.resize(part.shape.bytes(), image.pixels.low);
  const int rows = std::min(height, image.shape.height - top);
  const auto row = static_cast<std::size_t>(std::min(width, image.shape.width - left)) * channels;
  for (int y = 0; y < rows; ++y) {
    const float* const from = &image.values[(static_cast<std::size_t>(top + y) *
                                                 static_cast<std::size_t>(image.shape.width) +
                                             static_cast<std::size_t>(left)) *
                                            channels];
    std::copy_n(
        from, row,
        &part.values[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * channels]);
  }
  return part;
}

void decode_deep(std::span<const std::byte> file, int channels, const PixelFormat& floats,
                 DeepImage& out) {
  if (is_tiff(file)) return decode_tiff_page(file, 0, channels, floats, out);
  if (!decode_deep_png(file, out)) decode_bytes(file, channels, out);
  to_channels(channels, out);
}

void decode_and_fit(std::span<const std::byte> file, Fit fit, PictureShape shape,
                    const PixelFormat& pixels, std::span<std::byte> out) {
  if (pixels.type == PixelType::u8) {
    Image image;
    decode_image(file, shape.channels, image);
    return fit_image(image, fit, shape,
                     std::span(reinterpret_cast<std::uint8_t*>(out.data()), out.size()));
  }
  DeepImage image;
  decode_deep(file, shape.channels, pixels, image);
  fit_image(image, fit, shape, pixels, out);
}

void load_picture(const std::filesystem::path& path, Fit fit, PictureShape shape,
                  const PixelFormat& pixels, std::span<std::byte> out) {
  const MappedFile file(path);
  try {
    decode_and_fit(file.bytes(), fit, shape, pixels, out);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file.name(), error.what()));
  }
}

}  // namespace medley
