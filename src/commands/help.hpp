// Help texts of subcommands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medley/files/options.hpp"

namespace medley {

// "medley-clothing eval: purpose", the ways to call it, the options, an example. Calls and example
// begin behind the subcommand's name.
struct HelpText {
  std::string_view command, purpose;
  std::vector<std::string_view> calls;
  std::string_view example;
};

std::string help(std::string_view experiment, const HelpText& text,
                 const po::options_description& options);

}  // namespace medley
