// What is asked of a picture, of whatever kind its file is.
#pragma once

#include "medley/files/image.hpp"
#include "medley/import/mask_values.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace medley::fuzz {

// Decodes the file to one channel or three and fits it in all ways.
inline void decode_and_fit(std::string_view file) {
  for (const int channels : {1, 3}) {
    Image image;
    if (!accepted([&] { decode_image(std::as_bytes(std::span(file)), channels, image); })) return;
    const PictureShape& shape = image.shape;
    require(shape.channels == channels && shape.height > 0 && shape.width > 0,
            "a picture has pixels and the channels that are asked for");
    require(
        static_cast<std::uint64_t>(shape.height) <= max_side &&
            static_cast<std::uint64_t>(shape.width) <= max_side &&
            static_cast<std::uint64_t>(shape.height) * static_cast<std::uint64_t>(shape.width) <=
                max_pixels,
        "a picture is not larger than is documented");
    require(image.pixels.size() == shape.bytes(), "pixels are as many as the shape says");
    const PictureShape frame{channels, 5, 7};
    std::vector<std::uint8_t> fitted(frame.bytes());
    for (const Fit fit : {Fit::crop, Fit::stretch, Fit::pad}) fit_image(image, fit, frame, fitted);
  }
}

// Decodes the file as a mask of two classes, of numbers and of colours.
inline void decode_as_mask(std::string_view file) {
  MaskPicture mask;
  if (!accepted([&] { decode_mask(std::as_bytes(std::span(file)), mask); })) return;
  require(mask.height > 0 && mask.width > 0 &&
              mask.values.size() ==
                  static_cast<std::size_t>(mask.height) * static_cast<std::size_t>(mask.width),
          "a mask has the pixels that its shape says");
  for (const bool by_colour : {false, true}) {
    MaskMeaning meaning;
    if (by_colour) meaning.colours = {{"black", 0}, {"white", 0xFFFFFF}};
    std::vector<std::uint8_t> classes, fitted(5 * 7);
    if (!accepted([&] {
          MaskPicture prepared = mask;
          MaskClasses::prepare(meaning, prepared);
          MaskCensus::File look;
          look.look_at(prepared);
          MaskCensus census;
          census.count(0, look);
          std::vector<std::string> notes;
          const MaskClasses meant(
              {"mask", TargetKind::mask, 2}, meaning, census,
              [](std::size_t) { return std::string("a file"); }, notes);
          meant.map(prepared, classes);
        }))
      continue;
    for (const std::uint8_t c : classes)
      require(c < 2 || c == 255, "a pixel is of a class, or not known");
    for (const Fit fit : {Fit::crop, Fit::stretch, Fit::pad})
      fit_mask(classes, mask.height, mask.width, fit, 5, 7, fitted);
  }
}

}  // namespace medley::fuzz
