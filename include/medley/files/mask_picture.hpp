// Files of masks, as labelling programs write them: what each pixel's number or colour is, before anything says which class
// that means. (Predicted masks are written by mask_image.hpp.)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "medley/files/image.hpp"

namespace medley {

struct MaskPicture {
  enum class Kind : std::uint8_t { indices, gray, colours };
  Kind kind = Kind::gray;
  int height = 0, width = 0;
  int bits = 8;                        // of a gray value
  bool lossy = false;                  // compressed such that values are not what was saved
  std::vector<std::uint32_t> values;   // an index, a gray value up to 65,535, or 0xRRGGBB
  std::vector<std::uint32_t> palette;  // of indices: 0xRRGGBB each
};

// Decodes a PNG file, or a TIFF file of one channel, as it is: no palette is looked up, nothing scaled to 8 bits. All else
// that decode_image() reads becomes colours. Throws data_error with the reason alone, also where a pixel is transparent: it
// has no class.
void decode_mask(std::span<const std::byte> file, MaskPicture& out);

// Replaces indices and gray values by the colours that a viewer shows.
void to_colours(MaskPicture& mask);

// Replaces colours by gray values where each of them is gray; else does nothing and returns false.
bool to_numbers(MaskPicture& mask);

// Resizes classes, height x width, to out_height x out_width as fit_image() does it to the picture, each pixel that of the
// nearest one; 255 beyond the picture. (Pillow's NEAREST, of the frame that `fit` takes.)
void fit_mask(std::span<const std::uint8_t> classes, int height, int width, Fit fit, int out_height,
              int out_width, std::span<std::uint8_t> out);

}  // namespace medley
