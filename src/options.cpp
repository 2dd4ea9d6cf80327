#include "options.hpp"

#include <sched.h>

#include <fstream>

namespace medley {

namespace {

// `name = value` lines; those that begin with # are comments. Unlike Boost's own reader it takes a
// # within a value for what it is: folders may be named so.
po::parsed_options parse_config(std::istream& file, const po::options_description& options) {
  constexpr std::string_view blank = " \t\r";
  const auto trimmed = [&](std::string_view text) {
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return std::string();
    return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
  };
  po::parsed_options parsed(&options);
  // (A folder opens like a file; reading it fails.)
  for (std::string line; std::getline(file, line);) {
    line = trimmed(line);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos)
      throw po::invalid_config_file_syntax(line, po::invalid_syntax::unrecognized_line);
    const std::string name = trimmed(std::string_view(line).substr(0, equals));
    const po::option_description* const option = options.find_nothrow(name, false);
    // What the command does, such as --force, is said on the command line alone.
    if (option == nullptr || option->semantic()->max_tokens() == 0) throw po::unknown_option(name);
    if (line.find('\0') != std::string::npos)
      throw po::invalid_config_file_syntax(name, po::invalid_syntax::unrecognized_line);
    parsed.options.emplace_back(name,
                                std::vector{trimmed(std::string_view(line).substr(equals + 1))});
  }
  if (file.bad()) throw po::reading_file("");
  return parsed;
}

void store_config(std::string_view command, const std::string& name,
                  const po::options_description& options, po::variables_map& values) {
  std::ifstream file(name);
  if (!file) throw io_error(name + ": cannot be read");
  try {
    po::store(parse_config(file, options), values);
  } catch (const po::reading_file&) {
    throw io_error(name + ": cannot be read");
  } catch (const po::error& error) {
    throw usage_error(std::string(command) + ": " + name + ": " + error.what());
  }
}

}  // namespace

po::variables_map parse_options(std::string_view command, const po::options_description& options,
                                const Arguments& arguments,
                                const po::positional_options_description* positional,
                                const std::string& defaults) {
  const std::string help = " ('" + std::string(command) + " --help' lists the options)";
  po::variables_map values;
  try {
    po::positional_options_description any;
    any.add("argument", -1);
    using namespace po::command_line_style;
    const po::parsed_options parsed = po::command_line_parser(arguments)
                                          .options(options)
                                          .positional(positional ? *positional : any)
                                          .style(allow_long | long_allow_adjacent | long_allow_next)
                                          .run();
    for (const po::option& option : parsed.options) {
      if (!positional && option.position_key >= 0) {
        throw usage_error(std::string(command) + ": unexpected argument '" + option.value.at(0) +
                          "'" + help);
      }
    }
    po::store(parsed, values);
    if (!defaults.empty()) store_config(command, defaults, options, values);
    po::notify(values);
  } catch (const po::error& error) {
    throw usage_error(std::string(command) + ": " + error.what() + help);
  }
  return values;
}

bool parse_switch(std::string_view text, std::string_view option) {
  if (text == "on") return true;
  if (text == "off") return false;
  throw usage_error("--" + std::string(option) + ": '" + std::string(text) + "' is not on or off");
}

std::pair<std::string, std::string> parse_pair(std::string_view text, std::string_view option) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw usage_error("--" + std::string(option) + ": '" + std::string(text) +
                      "' is not of the form name=value");
  }
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

int available_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace medley
