#include "medley/files/json.hpp"

#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "medley/base/error.hpp"

namespace medley {

nlohmann::json parse_json(std::string_view text, std::string_view name) {
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, Event event, nlohmann::json& value) {
    if (depth > 32) throw data_error(fmt::format("{}: JSON nested too deeply", name));
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(value.get<std::string>()).second)
      throw data_error(fmt::format("{}: the key \"{}\" occurs twice in one JSON object", name,
                                   value.get<std::string>()));
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), check);
  } catch (const nlohmann::json::exception& error) {
    throw data_error(fmt::format("{}: bad JSON: {}", name, error.what()));
  }
}

std::string print_json(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string print_json(const nlohmann::ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace medley
