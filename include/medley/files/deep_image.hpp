// Pictures of more than 8 bits: decoded to floats, which hold every number of 16 bits exactly, fitted
// as image.hpp does, and brought to the pixels that a data set has.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "medley/base/pixels.hpp"
#include "medley/files/image.hpp"

namespace medley {

// A decoded picture, height x width x channels, in units of its own pixels: those of a file of 8 or 16
// bits are whole.
struct DeepImage {
  PictureShape shape;
  PixelFormat pixels;
  std::vector<float> values;
  int orientation = 1;  // that was applied (exif.hpp)
};

// The value in units of other pixels: black becomes black and white white, linearly; what is no float
// is rounded to the nearest and cut to what there is. The same where the units are.
float convert_pixel(double value, const PixelFormat& from, const PixelFormat& to);

// Decodes a picture file of `channels` channels. Files of 8 bits are read as decode_image does, PNG and
// TIFF of 16 bits keep them. TIFF has any number of channels, of floats too, of which `floats` says
// which are black and white. Throws data_error with the reason alone, as decode_image does; so for a
// TIFF of floats where `floats` is of another type, and for NaN and infinity.
void decode_deep(std::span<const std::byte> file, int channels, const PixelFormat& floats,
                 DeepImage& out);

// Decodes a PNG of 16 bits without loss, alpha laid on white; false if the file is none.
bool decode_deep_png(std::span<const std::byte> file, DeepImage& out);

// Lays pixels whose last component is alpha, from black to white, on white; `associated`: colours are times
// alpha already.
void drop_alpha(DeepImage& image, bool associated);

// Brings it to so many channels: gray and colour to each other as decode_image does, alpha is laid on
// white. Throws data_error for other numbers of channels than the image's.
void to_channels(int channels, DeepImage& image);

// The part of height x width that begins there; black where the picture ends before.
DeepImage part_of(const DeepImage& image, int top, int left, int height, int width);

// Resizes to channels x height x width planes of these pixels, with the filter of fit_image in double
// precision; of bytes to bytes as fit_image does. `out` has shape.bytes() pixels.
void fit_image(const DeepImage& image, Fit fit, PictureShape shape, const PixelFormat& pixels,
               std::span<std::byte> out);

// Decodes a picture file and fits it as such pixels; of uint8 exactly as image.hpp does. Throws data_error
// with the reason alone.
void decode_and_fit(std::span<const std::byte> file, Fit fit, PictureShape shape,
                    const PixelFormat& pixels, std::span<std::byte> out);

// The same of the file of this name. Throws io_error or data_error naming it.
void load_picture(const std::filesystem::path& path, Fit fit, PictureShape shape,
                  const PixelFormat& pixels, std::span<std::byte> out);

}  // namespace medley
