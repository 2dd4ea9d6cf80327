#include "medley/base/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <limits>

namespace medley {

std::size_t terminal_columns() noexcept {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return std::numeric_limits<std::size_t>::max();
  return size.ws_col;
}

std::string_view cut_to_columns(std::string_view line, std::size_t columns) noexcept {
  std::size_t shown = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool continues = (static_cast<unsigned char>(line[i]) & 0xC0u) == 0x80u;
    if (!continues && shown++ == columns) return line.substr(0, i);
  }
  return line;
}

}  // namespace medley
