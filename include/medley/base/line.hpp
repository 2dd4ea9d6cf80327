// Text of bounded length, built without allocating: rows of logs.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace medley {

// Text that does not fit is cut; `full` tells.
template <std::size_t Capacity>
class Line {
 public:
  Line& operator<<(std::string_view text) {
    for (const char c : text) {
      if (size_ == Capacity) {
        full_ = true;
        return *this;
      }
      text_[size_++] = c;
    }
    return *this;
  }
  // Integers in decimal; floats in the fewest digits that read back to the same bits, nothing for
  // NaN (an empty cell).
  template <class T>
  requires std::integral<T> || std::floating_point<T> Line& operator<<(T value) {
    if constexpr (std::floating_point<T>) {
      if (std::isnan(value)) return *this;
    }
    const auto [end, error] = std::to_chars(text_.data() + size_, text_.data() + Capacity, value);
    if (error == std::errc{}) {
      size_ = static_cast<std::size_t>(end - text_.data());
    } else {
      full_ = true;
    }
    return *this;
  }

  void clear() {
    size_ = 0;
    full_ = false;
  }
  std::string_view view() const { return {text_.data(), size_}; }
  bool full() const { return full_; }

 private:
  std::array<char, Capacity> text_{};
  std::size_t size_ = 0;
  bool full_ = false;
};

}  // namespace medley
