// A JSON text: dataset.json and the headers of checkpoints come through this parser.
#include "medley/files/json.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

namespace {

int depth_of(const nlohmann::json& json) {
  int deepest = 0;
  if (json.is_structured())
    for (const auto& item : json) deepest = std::max(deepest, depth_of(item));
  return deepest + 1;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nlohmann::json json;
  const std::string_view text = fuzz::text_of(data, size);
  if (!fuzz::accepted([&] { json = parse_json(text, "input.json"); })) return 0;
  fuzz::require(depth_of(json) <= 34, "nesting is bounded");
  fuzz::require(nlohmann::json::accept(text), "what is accepted is JSON");
  // Throws for text that is not UTF-8.
  fuzz::require(parse_json(json.dump(), "again") == json, "what is written reads back");
  return 0;
}
