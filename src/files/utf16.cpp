#include "medley/files/utf16.hpp"

namespace medley {
namespace {

void put_utf8(std::uint32_t point, std::vector<char>& out) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto follow = [&](int shift) { put(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xE0 | point >> 12);
    } else {
      put(0xF0 | point >> 18);
      follow(12);
    }
    follow(6);
  }
  follow(0);
}

}  // namespace

bool Utf16Decoder::decode(std::span<const char> bytes, std::vector<char>& out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!odd_) {
      odd_ = byte;
      continue;
    }
    const std::uint32_t first = *odd_, second = byte;
    odd_.reset();
    if (!put(big_ ? first << 8 | second : second << 8 | first, out)) return false;
  }
  return true;
}

bool Utf16Decoder::put(std::uint32_t unit, std::vector<char>& out) {
  const bool high = unit >= 0xD800 && unit < 0xDC00, low = unit >= 0xDC00 && unit < 0xE000;
  if (low != (high_ != 0)) return false;
  if (high) {
    high_ = unit;
    return true;
  }
  put_utf8(low ? 0x10000 + ((high_ & 0x3FF) << 10 | (unit & 0x3FF)) : unit, out);
  high_ = 0;
  return true;
}

}  // namespace medley
