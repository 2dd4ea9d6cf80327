// Where the pixels of a fitted picture lie in the picture.
#pragma once

#include <cstdint>

#include "medley/files/image.hpp"

namespace medley {

// Input pixels per output pixel along an axis, as a fraction.
struct FitScale {
  std::int64_t in, out;
};

struct FitScales {
  FitScale down, across;
};

// Of a picture of in_height x in_width in a frame of height x width.
constexpr FitScales fit_scales(Fit fit, std::int64_t in_height, std::int64_t in_width, int height,
                               int width) {
  FitScales scales{{in_height, height}, {in_width, width}};
  if (fit == Fit::stretch) return scales;
  const bool wider_than_frame = in_width * height > in_height * width;
  const bool by_height = wider_than_frame == (fit == Fit::crop);  // which axis fills the frame
  scales.down = scales.across = by_height ? scales.down : scales.across;
  return scales;
}

// The middle of output i, in units of 1 / (2 scale.out) of an input pixel: the middle of the output lies on the middle of
// the input.
constexpr std::int64_t fit_middle(std::int64_t in_size, std::int64_t out_size, FitScale scale,
                                  std::int64_t i) {
  return in_size * scale.out + (2 * i + 1 - out_size) * scale.in;
}

}  // namespace medley
