// What the terminal that people look at can show.
#pragma once

#include <cstddef>
#include <string_view>

namespace medley {

// Columns of the terminal behind stderr at this moment; no limit where there is none or it does not
// say.
std::size_t terminal_columns() noexcept;

// The beginning of a UTF-8 line that takes at most so many columns, a code point each.
std::string_view cut_to_columns(std::string_view line, std::size_t columns) noexcept;

}  // namespace medley
