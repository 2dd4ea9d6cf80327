// Numbers as text, and text of unknown origin.
#pragma once

#include <string>
#include <string_view>

#include "medley/base/line.hpp"

namespace medley {

// The fewest digits that read back to the same bits of a float or double, the same on every
// machine; nothing for NaN, which is an empty CSV cell.
template <std::floating_point T>
std::string number_text(T value) {
  Line<32> line;
  line << value;
  return std::string(line.view());
}

bool is_utf8(std::string_view text);

// The text without the byte order mark that some editors put before UTF-8.
constexpr std::string_view without_byte_order_mark(std::string_view text) {
  return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

// The text as messages show it: control characters (line ends too) and bytes that are not UTF-8
// become \x1b and the like, so that names and cells of a damaged file neither steer the terminal
// nor look like lines of ours.
std::string printable(std::string_view text);

}  // namespace medley
