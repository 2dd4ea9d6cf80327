// The engine of one experiment for one instruction set. The build compiles this file once for each,
// with MEDLEY_EXPERIMENT, MEDLEY_EXPERIMENT_HEADER and MEDLEY_ISA, and makes every symbol but the
// entry local.
#include MEDLEY_EXPERIMENT_HEADER

#include "medley/engine/trainer_engine.hpp"

#define MEDLEY_JOIN(a, b) a##b
#define MEDLEY_ENTRY(isa) MEDLEY_JOIN(medley_engine_, isa)

namespace {

template <class Experiment>
medley::Engine* engine([[maybe_unused]] float* arena) {
  if constexpr (medley::is_right_experiment<Experiment>) {
    return new medley::TrainerEngine<Experiment>(arena);
  } else {
    return nullptr;
  }
}

}  // namespace

// A new engine at work in this arena.
extern "C" medley::Engine* MEDLEY_ENTRY(MEDLEY_ISA)(float* arena) {
  return engine<medley::experiments::MEDLEY_EXPERIMENT>(arena);
}
