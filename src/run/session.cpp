#include "medley/run/session.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "medley/base/error.hpp"

namespace medley {

std::vector<std::string_view> Program::instruction_sets() const {
  std::vector<std::string_view> names;
  for (const Variant& variant : variants) {
    if (variant.runs) names.push_back(variant.name);
  }
  return names;
}

const Program::Variant& Program::variant(std::string_view wanted) const {
  if (wanted.empty()) {
    const char* environment = std::getenv("MEDLEY_ISA");
    wanted = environment ? environment : "";
  }
  std::string names;
  for (const Variant& variant : variants) {
    if (variant.runs && (wanted.empty() || wanted == variant.name)) return variant;
    names += " " + std::string(variant.name) + (variant.runs ? "" : " (not on this processor)");
  }
  if (wanted.empty()) {
    throw usage_error(
        "this processor has none of the instruction sets that this binary has code for:" + names +
        "; build with ISAS=avx2, or with ISAS=scalar to run anywhere");
  }
  throw usage_error("cannot use the instruction set '" + std::string(wanted) +
                    "'; this binary has:" + names);
}

Session::Session(const Program& program, std::string_view instruction_set)
    : program_(program), variant_(program.variant(instruction_set)) {
  if (program.occupied) throw std::logic_error("two sessions at once in one arena");
  if (program.touched) std::ranges::fill(program.arena, 0.0f);
  engine_ = variant_.make(program.arena.data());
  if (program.share) engine_ = program.share(std::move(engine_));
  program.touched = program.occupied = true;
}

Session::~Session() { program_.occupied = false; }

}  // namespace medley
