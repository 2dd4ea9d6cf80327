// JSON from files that nobody vouches for.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace medley {

// Parses a whole text. Throws data_error naming `name` if it is not JSON, holds a key twice in one
// object, or nests deeper than 32 levels.
nlohmann::json parse_json(std::string_view text, std::string_view name);

}  // namespace medley
