// What is asked of a picture, of whatever kind its file is.
#pragma once

#include "medley/files/image.hpp"
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

}  // namespace medley::fuzz
