#include "medley/files/mask_picture.hpp"

#include <fmt/format.h>
#include <webp/decode.h>

#include <algorithm>
#include <cmath>

#include "files/image_formats.hpp"
#include "files/png_decoder.hpp"
#include "medley/base/error.hpp"
#include "medley/files/fit_geometry.hpp"
#include "medley/files/tiff.hpp"

namespace medley {
namespace {

constexpr std::uint32_t rgb(std::uint32_t r, std::uint32_t g, std::uint32_t b) {
  return r << 16 | g << 8 | b;
}

// Drops samples of alpha, which must all be `opaque`.
void drop_opaque(std::vector<std::uint8_t>& samples, std::size_t channels, std::size_t bytes) {
  const std::size_t pixel = channels * bytes, kept = pixel - bytes, count = samples.size() / pixel;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t b = kept; b < pixel; ++b)
      if (samples[i * pixel + b] != 255)
        throw data_error(
            "a mask with transparent pixels, which have no class: save it without alpha");
    std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(i * pixel), kept,
                samples.begin() + static_cast<std::ptrdiff_t>(i * kept));
  }
  samples.resize(count * kept);
}

void decode_png_mask(std::span<const std::byte> file, MaskPicture& out) {
  PngDecoder decoder(file);
  const auto damaged = [&] {
    return data_error(fmt::format("damaged PNG: {}", decoder.message()));
  };
  if (!decoder.read_header()) throw damaged();
  check_size(decoder.height(), decoder.width());
  if (!decoder.long_enough()) refuse_short_file("PNG");
  out.height = static_cast<int>(decoder.height());
  out.width = static_cast<int>(decoder.width());
  out.bits = decoder.bits();  // of the file, which are 8 once it is unpacked
  if (!decoder.start_raw()) throw damaged();
  auto channels = static_cast<std::size_t>(decoder.components());
  const std::size_t bytes = out.bits == 16 ? 2 : 1;
  std::vector<std::uint8_t> samples(decoder.height() * decoder.width() * channels * bytes);
  if (!decoder.decode(samples.data())) throw damaged();
  if (channels == 2 || channels == 4) {
    drop_opaque(samples, channels, bytes);
    --channels;
  }
  if (channels == 3 && bytes == 2) throw data_error("a mask of colours of 16 bits: save it with 8");
  out.kind = channels == 3 ? MaskPicture::Kind::colours : MaskPicture::Kind::gray;
  for (const png_color& c : decoder.palette()) {
    out.kind = MaskPicture::Kind::indices;
    out.palette.push_back(rgb(c.red, c.green, c.blue));
  }
  out.values.reserve(samples.size() / channels / bytes);
  for (std::size_t i = 0; i < samples.size(); i += channels * bytes) {
    const std::uint8_t* const s = &samples[i];
    out.values.push_back(channels == 3 ? rgb(s[0], s[1], s[2])
                         : bytes == 2  ? static_cast<std::uint32_t>(s[0] << 8 | s[1])
                                       : s[0]);
  }
}

// A TIFF of one channel has the numbers that it was saved with; false for another one.
bool decode_tiff_mask(std::span<const std::byte> file, MaskPicture& out) {
  if (!is_tiff(file)) return false;
  TiffReader reader(file);
  if (reader.samples() != 1) return false;
  DeepImage image;
  reader.read(image);
  if (image.shape.channels != 1) return false;
  out.kind = MaskPicture::Kind::gray;
  out.bits = reader.type() == PixelType::u8 ? 8 : 16;
  out.height = image.shape.height;
  out.width = image.shape.width;
  for (const float value : image.values) {
    if (!(value >= 0 && value <= 65'535 && value == std::trunc(value)))
      throw data_error(fmt::format("a mask with a pixel of {}, which is no class", value));
    out.values.push_back(static_cast<std::uint32_t>(value));
  }
  return true;
}

// JPEG, and WebP but where it says that it is lossless.
bool is_lossy(std::string_view start, std::span<const std::byte> file) {
  if (start.starts_with("\xFF\xD8\xFF")) return true;
  WebPBitstreamFeatures features;
  return start.starts_with("RIFF") &&
         (WebPGetFeatures(reinterpret_cast<const std::uint8_t*>(file.data()), file.size(),
                          &features) != VP8_STATUS_OK ||
          features.format != 2);
}

}  // namespace

void decode_mask(std::span<const std::byte> file, MaskPicture& out) {
  out.palette.clear();
  out.values.clear();
  out.lossy = false;
  const std::string_view start(reinterpret_cast<const char*>(file.data()),
                               std::min<std::size_t>(file.size(), 12));
  if (start.starts_with("\x89PNG\r\n\x1A\n")) return decode_png_mask(file, out);
  if (decode_tiff_mask(file, out)) return;
  Image image;
  decode_image(file, 3, image);
  out.kind = MaskPicture::Kind::colours;
  out.bits = 8;
  out.lossy = is_lossy(start, file);
  out.height = image.shape.height;
  out.width = image.shape.width;
  out.values.reserve(image.pixels.size() / 3);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3)
    out.values.push_back(rgb(image.pixels[i], image.pixels[i + 1], image.pixels[i + 2]));
}

void to_colours(MaskPicture& mask) {
  if (mask.kind == MaskPicture::Kind::colours) return;
  const std::uint32_t white = (1u << mask.bits) - 1;
  for (std::uint32_t& value : mask.values) {
    if (mask.kind == MaskPicture::Kind::gray) {
      const std::uint32_t gray = value * 255 / white;
      value = rgb(gray, gray, gray);
    } else {
      value = value < mask.palette.size() ? mask.palette[value] : 0;
    }
  }
  mask.kind = MaskPicture::Kind::colours;
}

bool to_numbers(MaskPicture& mask) {
  if (mask.kind != MaskPicture::Kind::colours) return true;
  const auto gray = [](std::uint32_t c) { return c == (c & 255u) * 0x010101u; };
  if (!std::ranges::all_of(mask.values, gray)) return false;
  for (std::uint32_t& value : mask.values) value &= 255u;
  mask.kind = MaskPicture::Kind::gray;
  return true;
}

void fit_mask(std::span<const std::uint8_t> classes, int height, int width, Fit fit, int out_height,
              int out_width, std::span<std::uint8_t> out) {
  const FitScales scales = fit_scales(fit, height, width, out_height, out_width);
  // The input pixel in which an output's middle lies; -1 beyond the picture.
  const auto nearest = [](int in_size, int out_size, FitScale scale) {
    std::vector<std::int64_t> index;
    for (int i = 0; i < out_size; ++i) {
      const std::int64_t middle = fit_middle(in_size, out_size, scale, i);
      const bool outside = middle < 0 || middle > 2 * scale.out * in_size;
      index.push_back(outside ? -1 : std::min<std::int64_t>(middle / (2 * scale.out), in_size - 1));
    }
    return index;
  };
  const std::vector<std::int64_t> columns = nearest(width, out_width, scales.across);
  std::size_t next = 0;
  for (const std::int64_t y : nearest(height, out_height, scales.down))
    for (const std::int64_t x : columns)
      out[next++] =
          y < 0 || x < 0 ? std::uint8_t{255} : classes[static_cast<std::size_t>(y * width + x)];
}

}  // namespace medley
