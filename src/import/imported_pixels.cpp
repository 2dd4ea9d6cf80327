#include <fmt/format.h>

#include "medley/base/error.hpp"
#include "medley/import/import.hpp"

namespace medley {

PixelFormat imported_pixels(const ImportCommon& request, PixelType type, std::string_view name) {
  const PixelType wanted = request.pixels.value_or(type);
  const bool floats = type == PixelType::f32 || wanted == PixelType::f32;
  if (floats && !request.floats)
    throw usage_error(
        fmt::format("pixels that are {} need --range LOW..HIGH: which of them are black and white, "
                    "such as 0..1",
                    type == PixelType::f32 ? name : to_string(wanted)));
  return wanted == PixelType::f32 ? *request.floats : PixelFormat::of(wanted);
}

}  // namespace medley
