// A string that can be a template argument: Head<"colour", ...>.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace medley {

template <std::size_t Size>
struct Name {
  char text[Size]{};
  consteval Name(const char (&literal)[Size]) { std::copy_n(literal, Size, text); }
  constexpr std::string_view view() const { return {text, Size - 1}; }
};

}  // namespace medley
