// What pixels are, as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "medley/base/pixels.hpp"

namespace medley {

// "uint8", "uint16", or "float32" with black and white, such as "float32 0 1"; the numbers read back to
// the same bits.
std::string to_text(const PixelFormat& format);
// What to_text wrote; nothing for another text.
std::optional<PixelFormat> pixel_format_of(std::string_view text);

// Black and a greater white, as in "0..1"; nothing for another text.
std::optional<PixelFormat> range_of_floats(std::string_view text);

}  // namespace medley
