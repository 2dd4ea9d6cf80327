// The engine of one experiment for one instruction set. The build compiles this file once for each,
// with MEDLEY_EXPERIMENT, MEDLEY_EXPERIMENT_HEADER and MEDLEY_ISA, and makes every symbol but the
// entry local.
#include MEDLEY_EXPERIMENT_HEADER

#include "medley/training/trainer.hpp"

#define MEDLEY_JOIN(a, b) a##b
#define MEDLEY_ENTRY(isa) MEDLEY_JOIN(medley_engine_, isa)

// The only engine of the process, on the arena that it is given first.
extern "C" medley::Engine* MEDLEY_ENTRY(MEDLEY_ISA)(float* arena) {
  static medley::Trainer<medley::experiments::MEDLEY_EXPERIMENT> trainer(arena);
  return &trainer;
}
