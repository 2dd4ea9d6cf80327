// JSON from files that nobody vouches for.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace medley {

// Parses a whole text. Throws data_error naming `name` if it is not JSON, holds a key twice in one
// object, or nests deeper than 32 levels.
nlohmann::json parse_json(std::string_view text, std::string_view name);

// The text of a value: in one line, or indented by so many spaces a level. What is not UTF-8 in its
// strings, such as names of files, is replaced by U+FFFD. (Here, so that what writes JSON is compiled
// in one room.)
std::string print_json(const nlohmann::json& value, int indent = -1);
std::string print_json(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace medley
