// Arguments from an input.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace medley::fuzz {

// The lines of the text. An argument holds no zero byte, and what would read another file than the
// input's is left out.
inline std::vector<std::string> arguments_of(std::string_view text) {
  std::vector<std::string> arguments;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, std::min(end, text.find('\0'))));
    if (line.find("config") == std::string::npos && line.find("resume") == std::string::npos &&
        line.find("mask-colours") == std::string::npos)
      arguments.push_back(std::move(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return arguments;
}

}  // namespace medley::fuzz
