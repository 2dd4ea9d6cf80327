#include "medley/export/c_names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "medley/base/text.hpp"

namespace medley {

namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

std::string c_identifier(std::string_view text) {
  std::string name(text);
  for (char& c : name) {
    if (!is_letter(c) && !is_digit(c)) c = '_';
  }
  return !name.empty() && is_letter(name[0]) ? name : "m_" + name;
}

std::string c_macro(std::string_view identifier) {
  std::string name(identifier);
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

std::string CNames::unique(std::string_view text) {
  const std::string name = c_identifier(text);
  std::string found = name;
  for (int n = 2; !taken_.insert(c_macro(found)).second; ++n) found = fmt::format("{}_{}", name, n);
  return found;
}

std::string c_number(float value) {
  std::string text = number_text(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string c_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?';
    if (plain) quoted += c;
    if (!plain) quoted += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return quoted + '"';
}

}  // namespace medley
