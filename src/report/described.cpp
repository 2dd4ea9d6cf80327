#include "medley/report/described.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace medley {

namespace {

constexpr std::string_view worker_prefix = "worker ";

}  // namespace

std::string shape_text(const Shape& s) {
  return s.pixels() == 1 ? std::to_string(s.c) : fmt::format("{}x{}x{}", s.c, s.h, s.w);
}

std::string options_text(const std::vector<Option>& options) {
  std::string text;
  for (const Option& option : options) {
    text += fmt::format("{}{} {:.6g}", text.empty() ? "" : ", ", option.name, option.value);
  }
  return text;
}

int worker_of(const SectionInfo& section) {
  return section.name.starts_with(worker_prefix)
             ? std::stoi(section.name.substr(worker_prefix.size()))
             : -1;
}

std::string kind_of(const SectionInfo& section) {
  if (worker_of(section) >= 0) return section.name.substr(section.name.find(": ") + 2);
  return section.name.substr(0, section.name.find(','));
}

std::vector<SectionKind> section_kinds(const Description& d) {
  std::vector<SectionKind> kinds;
  for (const SectionInfo& section : d.arena) {
    const std::string name = kind_of(section);
    const auto found = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const SectionKind& kind) { return kind.name == name; });
    SectionKind& kind = found != kinds.end() ? *found : kinds.emplace_back(SectionKind{name});
    ++kind.count;
    kind.bytes += section.bytes;
  }
  return kinds;
}

}  // namespace medley
