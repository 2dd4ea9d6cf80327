// Numbers as text.
#pragma once

#include <string>

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

}  // namespace medley
