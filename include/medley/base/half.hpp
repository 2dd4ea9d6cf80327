// Floats of two bytes, as other frameworks save weights.
#pragma once

#include <bit>
#include <cstdint>

namespace medley {

// IEEE binary16: 1 sign, 5 exponent, 10 fraction bits. Exact, as is the next; what is not a number
// stays so, with its sign and its bits.
inline float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits} >> 15 << 31;
  const std::uint32_t magnitude = bits & 0x7FFFu;
  constexpr std::uint32_t infinity = 0x7C00, least_normal = 0x400, wider_bias = 127 - 15;
  if (magnitude < least_normal)  // a multiple of 2^-24, which no float needs to round
    return std::bit_cast<float>(
        sign | std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24f));
  const std::uint32_t bias = magnitude < infinity ? wider_bias : 255 - 31;
  return std::bit_cast<float>(sign | ((magnitude << 13) + (bias << 23)));
}

// bfloat16: the upper half of a float.
inline float bfloat_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace medley
