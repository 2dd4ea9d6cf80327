// The program of one experiment: its description, its arena, its engines. The build compiles this file
// once an experiment, for any processor.
#include MEDLEY_EXPERIMENT_HEADER

#include <stdexcept>

#include "medley/experiment/describe.hpp"
#include "medley/run/session.hpp"

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

// An engine is made behind a name that C++ does not mangle.
template <Engine* (*Make)(float*)>
std::unique_ptr<Engine> made(float* arena) {
  return std::unique_ptr<Engine>(Make(arena));
}

std::vector<Program::Variant> variants() {
  std::vector<Program::Variant> list;
#if defined(MEDLEY_HAS_avx512)
  list.push_back({"avx512", made<medley_engine_avx512>,
                  __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")});
#endif
#if defined(MEDLEY_HAS_avx2)
  list.push_back({"avx2", made<medley_engine_avx2>,
                  __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")});
#endif
#if defined(MEDLEY_HAS_neon)
  list.push_back({"neon", made<medley_engine_neon>, true});
#endif
#if defined(MEDLEY_HAS_scalar)
  list.push_back({"scalar", made<medley_engine_scalar>, true});
#endif
  return list;
}

template <class E>
const Source* generator_of() {
  if constexpr (requires { typename E::Generator; }) {
    static const typename E::Generator source;
    if constexpr (is_right_experiment<E>) {
      if (source.scratch_bytes() > Definition<E>::scratch_bytes)
        throw std::logic_error("the experiment's Generator wants more scratch than records have");
    }
    return &source;
  } else {
    return nullptr;
  }
}

}  // namespace

const Program& program() {
  static const Description description = describe<Chosen>();
  static const Program program{.description = description,
                               .arena = arena_memory,
                               .generator = generator_of<Chosen>(),
                               .variants = variants()};
  return program;
}

}  // namespace medley
