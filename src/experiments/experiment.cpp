// The experiment's description, its arena, and the choice of an engine. Compiled for any processor.
#include "medley/experiment/experiment.hpp"

#include MEDLEY_EXPERIMENT_HEADER

#include <cstdlib>
#include <string>

#include "medley/base/error.hpp"
#include "medley/experiment/describe.hpp"

extern "C" {
medley::Engine* medley_engine_avx512(float*);
medley::Engine* medley_engine_avx2(float*);
medley::Engine* medley_engine_neon(float*);
medley::Engine* medley_engine_scalar(float*);
}

namespace medley {

namespace {

using Chosen = experiments::MEDLEY_EXPERIMENT;

template <class E>
constexpr std::size_t arena_floats() {
  if constexpr (is_right_experiment<E>) return Definition<E>::map.floats;
  return 1;
}

alignas(4096) float arena_memory[arena_floats<Chosen>()];

struct Variant {
  std::string_view name;
  Engine* (*make)(float*);
  bool runs;
};

std::vector<Variant> variants() {
  std::vector<Variant> list;
#if defined(MEDLEY_HAS_avx512)
  list.push_back({"avx512", medley_engine_avx512,
                  __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")});
#endif
#if defined(MEDLEY_HAS_avx2)
  list.push_back({"avx2", medley_engine_avx2,
                  __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")});
#endif
#if defined(MEDLEY_HAS_neon)
  list.push_back({"neon", medley_engine_neon, true});
#endif
#if defined(MEDLEY_HAS_scalar)
  list.push_back({"scalar", medley_engine_scalar, true});
#endif
  return list;
}

Variant choose(std::string_view wanted) {
  if (wanted.empty()) {
    const char* environment = std::getenv("MEDLEY_ISA");
    wanted = environment ? environment : "";
  }
  std::string names;
  for (const Variant& variant : variants()) {
    if (variant.runs && (wanted.empty() || wanted == variant.name)) return variant;
    names += " " + std::string(variant.name) + (variant.runs ? "" : " (not on this processor)");
  }
  if (wanted.empty()) {
    throw usage_error(
        "this processor has none of the instruction sets that this binary has code for:" + names +
        "; build with ISAS=scalar to run anywhere");
  }
  throw usage_error("cannot use the instruction set '" + std::string(wanted) +
                    "'; this binary has:" + names);
}

template <class E>
const Source* generator_of() {
  if constexpr (requires { typename E::Generator; }) {
    static const typename E::Generator source;
    return &source;
  } else {
    return nullptr;
  }
}

}  // namespace

const Description& experiment() {
  static const Description description = describe<Chosen>();
  return description;
}

float* arena() { return arena_memory; }

std::vector<std::string_view> instruction_sets() {
  std::vector<std::string_view> names;
  for (const Variant& variant : variants()) {
    if (variant.runs) names.push_back(variant.name);
  }
  return names;
}

Engine& engine(std::string_view instruction_set) {
  return *choose(instruction_set).make(arena_memory);
}

std::string_view chosen_instruction_set(std::string_view instruction_set) {
  return choose(instruction_set).name;
}

const Source* generator() { return generator_of<Chosen>(); }

}  // namespace medley
