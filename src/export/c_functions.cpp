#include "medley/export/c_functions.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "export/c_texts.hpp"

namespace medley {

namespace {

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

}  // namespace

std::string c_functions(const std::set<std::string_view>& used) {
  std::set<std::string_view> wanted = used;
  for (std::size_t i = c_function_texts.size(); i-- > 0;) {
    if (!wanted.contains(c_function_texts[i].name)) continue;
    for (const std::string_view call : words(c_function_texts[i].calls)) wanted.insert(call);
  }
  std::string text;
  for (const CFunction& function : c_function_texts) {
    if (wanted.erase(function.name) > 0) text += function.text;
  }
  if (!wanted.empty()) throw std::logic_error("no function of C: " + std::string(*wanted.begin()));
  return text;
}

std::string with_prefix(std::string_view text, std::string_view prefix, std::string_view macros) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    const bool is_macro = rest.starts_with("@@_"), is_name = rest.starts_with("@_");
    if (is_macro) result += macros;
    if (is_name) result += prefix;
    i += is_macro ? 2 : is_name ? 1 : 0;
    result += text[i++];
  }
  return result;
}

std::vector<int> c_blocks(int outputs) {
  std::vector<int> blocks(static_cast<std::size_t>(outputs / 8), 8);
  for (const int size : {4, 2, 1}) {
    if ((outputs & size) != 0) blocks.push_back(size);
  }
  return blocks;
}

std::vector<float> c_weights(std::span<const float> values, int outputs, int channels, int height,
                             int width) {
  std::vector<float> ordered;
  ordered.reserve(values.size());
  const int pixels = height * width;
  int first = 0;
  for (const int block : c_blocks(outputs)) {
    for (int i = 0; i < pixels; ++i) {
      for (int c = 0; c < channels; ++c) {
        for (int o = first; o < first + block; ++o)
          ordered.push_back(values[static_cast<std::size_t>((o * channels + c) * pixels + i)]);
      }
    }
    first += block;
  }
  return ordered;
}

}  // namespace medley
