// Parsing of options, strictly: what is not understood is a usage error that names the option.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "medley/base/arguments.hpp"
#include "medley/base/error.hpp"
#include "medley/base/number.hpp"

namespace medley {

namespace po = boost::program_options;

// Long options only, without abbreviations. `positional` may be null: then there are no others.
// `defaults`, if given, is a file of `name = value` lines whose values count where the command line
// says nothing.
po::variables_map parse_options(std::string_view command, const po::options_description& options,
                                const Arguments& arguments,
                                const po::positional_options_description* positional = nullptr,
                                const std::string& defaults = {});

// The whole text as a finite number, or a usage error.
template <class T>
T parse_number(std::string_view text, std::string_view option) {
  NumberRead<T> read = read_number<T>(text);
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(read.value)) read.fault = "is not a finite number";
  }
  if (!read)
    throw usage_error("--" + std::string(option) + ": '" + std::string(text) + "' " + read.fault);
  return read.value;
}

// on or off
bool parse_switch(std::string_view text, std::string_view option);

// LEFT=RIGHT; the left side may not be empty.
std::pair<std::string, std::string> parse_pair(std::string_view text, std::string_view option);

// Processors that this process may use.
int available_threads();

}  // namespace medley
