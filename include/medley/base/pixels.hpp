// What pixels are: their type, and which of their values are black and white.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace medley {

enum class PixelType : std::uint8_t { u8, u16, f32 };
// NumPy's names.
inline constexpr std::array<std::string_view, 3> pixel_type_names{"uint8", "uint16", "float32"};
constexpr std::string_view to_string(PixelType type) {
  return pixel_type_names[static_cast<std::size_t>(type)];
}
constexpr std::size_t size_of(PixelType type) {
  return type == PixelType::u8 ? 1 : type == PixelType::u16 ? 2 : 4;
}

template <class T>
struct PixelTypeOf;
template <>
struct PixelTypeOf<std::uint8_t> {
  static constexpr PixelType type = PixelType::u8;
};
template <>
struct PixelTypeOf<std::uint16_t> {
  static constexpr PixelType type = PixelType::u16;
};
template <>
struct PixelTypeOf<float> {
  static constexpr PixelType type = PixelType::f32;
};

// Calls f with a value of the C++ type of such pixels, and returns what it does.
template <class F>
constexpr auto with_pixel_type(PixelType type, F&& f) {
  if (type == PixelType::u16) return f(std::uint16_t{});
  if (type == PixelType::f32) return f(float{});
  return f(std::uint8_t{});
}

// `low` is black and `high` is white: 0 and 255 of uint8, 0 and 65535 of uint16; floats have a range of
// their own, which their data say.
struct PixelFormat {
  PixelType type = PixelType::u8;
  float low = 0.0f, high = 255.0f;

  static constexpr PixelFormat floats(float low, float high) { return {PixelType::f32, low, high}; }
  static constexpr PixelFormat of(PixelType type) {
    return {type, 0.0f, type == PixelType::u8 ? 255.0f : type == PixelType::u16 ? 65535.0f : 1.0f};
  }
  friend constexpr bool operator==(const PixelFormat&, const PixelFormat&) = default;
};

// Whether these can be black and white of floats: finite, as is what is between them.
constexpr bool is_range(float low, float high) {
  constexpr float most = std::numeric_limits<float>::max();
  return low >= -most && high <= most && low < high && high - low <= most;
}

// A picture's pixels where they lie, C x H x W, with their type.
class Pixels {
 public:
  constexpr Pixels() = default;
  constexpr Pixels(std::nullptr_t) {}
  constexpr Pixels(const std::uint8_t* pixels) : data_(pixels) {}
  constexpr Pixels(const std::uint16_t* pixels) : data_(pixels), type_(PixelType::u16) {}
  constexpr Pixels(const float* pixels) : data_(pixels), type_(PixelType::f32) {}
  constexpr Pixels(const void* pixels, PixelType type) : data_(pixels), type_(type) {}

  constexpr PixelType type() const { return type_; }
  constexpr const void* data() const { return data_; }
  // Null unless T is the C++ type of type().
  template <class T>
  constexpr const T* as() const {
    return type_ == PixelTypeOf<T>::type ? static_cast<const T*>(data_) : nullptr;
  }
  // Those of 8 bits, as most are.
  constexpr operator const std::uint8_t*() const { return as<std::uint8_t>(); }

 private:
  const void* data_ = nullptr;
  PixelType type_ = PixelType::u8;
};

}  // namespace medley
