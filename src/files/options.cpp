#include "medley/files/options.hpp"

#include <sched.h>

#include <algorithm>
#include <fstream>

#include "medley/base/text.hpp"

namespace medley {

namespace {

std::string without_blanks(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
}

// A `name = value` line. Throws usage_error with the reason alone.
po::option parse_line(std::string_view line, const po::options_description& options) {
  if (line.find('\0') != std::string_view::npos) throw usage_error("a line holds a zero byte");
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos)
    throw usage_error("'" + std::string(line) + "' is not of the form name = value");
  const std::string name = without_blanks(line.substr(0, equals));
  const po::option_description* const option = options.find_nothrow(name, false);
  // What the command does, such as --force, is said on the command line alone.
  if (option == nullptr || option->semantic()->max_tokens() == 0)
    throw usage_error("there is no option '" + name + "' for such a file");
  return {name, {without_blanks(line.substr(equals + 1))}};
}

// Lines that begin with # are comments. Unlike Boost's own reader this one takes a # within a value
// for what it is: folders may be named so.
void store_config(const std::string& file, const po::options_description& options,
                  po::variables_map& values) {
  std::ifstream stream(file);
  po::parsed_options parsed(&options);
  try {
    bool first = true;
    for (std::string line; std::getline(stream, line); first = false) {
      line = without_blanks(first ? without_byte_order_mark(line) : line);
      if (!line.empty() && line.front() != '#') parsed.options.push_back(parse_line(line, options));
    }
    // (A folder opens like a file; reading it fails.)
    if (!stream.is_open() || stream.bad()) throw io_error("cannot be read");
    po::store(parsed, values);
  } catch (const Error& error) {
    throw Error(error.code(), file + ": " + error.what());
  } catch (const po::error& error) {
    throw usage_error(file + ": " + error.what());
  }
}

po::variables_map parse_arguments(const po::options_description& options,
                                  const Arguments& arguments,
                                  const po::positional_options_description* positional) {
  po::positional_options_description any;
  any.add("argument", -1);
  using namespace po::command_line_style;
  const po::parsed_options parsed = po::command_line_parser(arguments)
                                        .options(options)
                                        .positional(positional ? *positional : any)
                                        .style(allow_long | long_allow_adjacent | long_allow_next)
                                        .run();
  for (const po::option& option : parsed.options) {
    if (!positional && option.position_key >= 0)
      throw usage_error("unexpected argument '" + option.value.at(0) + "'");
  }
  po::variables_map values;
  po::store(parsed, values);
  return values;
}

// Why parse_arguments() failed. Boost puts names into its messages by replacing %option% and the
// like for as long as there are any: a name that holds such a word itself never ends. So it gets to
// see another sign in place of each %.
std::string reason(const po::options_description& options, Arguments arguments,
                   const po::positional_options_description* positional) {
  constexpr char stand_in = '\x01';
  for (std::string& argument : arguments)
    std::replace(argument.begin(), argument.end(), '%', stand_in);
  std::string text = "not understood";
  try {
    parse_arguments(options, arguments, positional);
  } catch (const std::exception& error) {
    text = error.what();
  }
  std::replace(text.begin(), text.end(), stand_in, '%');
  return text;
}

}  // namespace

po::variables_map parse_options(std::string_view command, const po::options_description& options,
                                const Arguments& arguments,
                                const po::positional_options_description* positional,
                                const std::string& defaults) {
  const std::string start = std::string(command) + ": ";
  const std::string help = " ('" + std::string(command) + " --help' lists the options)";
  po::variables_map values;
  try {
    values = parse_arguments(options, arguments, positional);
  } catch (const po::error&) {
    throw usage_error(start + reason(options, arguments, positional) + help);
  } catch (const Error& error) {
    throw usage_error(start + error.what() + help);
  }
  try {
    if (!defaults.empty()) store_config(defaults, options, values);
  } catch (const Error& error) {
    throw Error(error.code(), start + error.what() + (error.code() == Exit::usage ? help : ""));
  }
  po::notify(values);
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
