// Floats of two bytes, as other frameworks save weights.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace medley {

// IEEE binary16: 1 sign, 5 exponent, 10 fraction bits. Exact, as is the next.
inline float half_to_float(std::uint16_t bits) {
  const float sign = (bits & 0x8000u) != 0 ? -1.0f : 1.0f;
  const int exponent = bits >> 10 & 0x1F;
  const auto fraction = static_cast<float>(bits & 0x3FFu);
  if (exponent == 0x1F) return sign * (fraction == 0.0f ? HUGE_VALF : std::nanf(""));
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(fraction + 1024.0f, exponent - 25);
}

// bfloat16: the upper half of a float.
inline float bfloat_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace medley
