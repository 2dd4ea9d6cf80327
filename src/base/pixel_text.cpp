#include "medley/base/pixel_text.hpp"

#include <fmt/format.h>

#include "medley/base/number.hpp"

namespace medley {
namespace {

std::optional<PixelFormat> floats_between(std::string_view low, std::string_view high) {
  const NumberRead<float> black = read_number<float>(low), white = read_number<float>(high);
  if (!black || !white || !is_range(black.value, white.value)) return std::nullopt;
  return PixelFormat::floats(black.value, white.value);
}

}  // namespace

std::string to_text(const PixelFormat& format) {
  if (format.type != PixelType::f32) return std::string(to_string(format.type));
  return fmt::format("{} {} {}", to_string(format.type), format.low, format.high);
}

std::optional<PixelFormat> pixel_format_of(std::string_view text) {
  for (const PixelType type : {PixelType::u8, PixelType::u16})
    if (text == to_string(type)) return PixelFormat::of(type);
  const std::string_view name = to_string(PixelType::f32);
  if (!text.starts_with(name)) return std::nullopt;
  text = stripped(text.substr(name.size()));
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  return floats_between(text.substr(0, blank), text.substr(blank + 1));
}

std::optional<PixelFormat> range_of_floats(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  return floats_between(text.substr(0, dots), text.substr(dots + 2));
}

}  // namespace medley
