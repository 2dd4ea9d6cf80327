// Numbers as people and other programs write them, in options and in cells.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>

namespace medley {

// The text without the blanks (spaces and tabs) around it.
constexpr std::string_view stripped(std::string_view text) {
  constexpr std::string_view blank = " \t";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

template <class T>
struct NumberRead {
  T value{};
  const char* fault = nullptr;  // what the text is not, as "is not a number"; null: it is one
  explicit operator bool() const { return fault == nullptr; }
};

// The whole text as a number of decimal digits: blanks around it and a leading + count for nothing,
// and what is nearer to 0 than any other number of the type becomes 0 or a denormal number.
// Infinity and what is beyond the type's range are refused; NaN is given.
template <class T>
requires std::integral<T> || std::floating_point<T> NumberRead<T> read_number(
    std::string_view text) {
  text = stripped(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole_text = end == text.data() + text.size();
  if constexpr (std::is_integral_v<T>) {
    if (error != std::errc{} || !whole_text)
      return {{}, "is not a whole number of the allowed range"};
  } else {
    if (!whole_text || error == std::errc::invalid_argument) return {{}, "is not a number"};
    if (error == std::errc::result_out_of_range) {  // too large, or too small: strtod tells
      const std::string copy(text);
      value = std::is_same_v<T, float> ? static_cast<T>(std::strtof(copy.c_str(), nullptr))
                                       : static_cast<T>(std::strtod(copy.c_str(), nullptr));
      if (std::isinf(value)) return {{}, "is beyond the range of numbers here"};
    }
    if (std::isinf(value)) return {{}, "is not a finite number"};
  }
  return {value, nullptr};
}

}  // namespace medley
