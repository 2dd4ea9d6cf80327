#include "commands/help.hpp"

#include <fmt/format.h>

#include <sstream>

namespace medley {

std::string help(std::string_view experiment, const HelpText& text,
                 const po::options_description& options) {
  const auto call = [&](std::string_view arguments) {
    return fmt::format("  medley-{} {} {}\n", experiment, text.command, arguments);
  };
  std::ostringstream list;
  list << options;
  std::string all = fmt::format("medley-{} {}: {}\n\n", experiment, text.command, text.purpose);
  for (const std::string_view arguments : text.calls) all += call(arguments);
  return all + "\n" + list.str() + "\nexample:\n" + call(text.example);
}

}  // namespace medley
