// All that trains, in one header that needs no system: no heap, exceptions, run-time type information,
// threads, files, clocks, iostreams or mathematical library. For boards and other programs that bring
// their own main():
//
//   #include "experiment.hpp"                    // as for any binary: experiment/definition.hpp
//   #include "medley/core.hpp"
//
//   alignas(128) float arena[Definition<E>::map.floats];
//   static Records records;                      // a RecordSource
//   static OneWorker worker;
//   static Trainer<E, OneWorker> trainer(arena);
//   Settings settings = settings_of<E>(records);
//   trainer.start(settings, worker, {});         // no memory for scores: no area under the ROC curve
//   trainer.initialize();
//   Position position;
//   run_steps(trainer, position, steps, E::recipe.schedule, watcher);
//   trainer.evaluate(Split::validation, evaluation);
//   parameter_digest<E>(arena);                  // that of `train` for the same steps
//
// Same experiment, records and settings give the bits that an ordinary binary gives. What it asks of a
// compiler: C++20, -ffp-contract=off -fno-math-errno, and -fno-exceptions -fno-rtti
// -fno-threadsafe-statics where there is no C++ library. Of a linker: memcpy, memmove, memset, memcmp.
#pragma once

#include "medley/base/vec.hpp"

// Without them, a C library computes with doubles, which rounds twice.
#if !defined(__FMA__) && !defined(__FP_FAST_FMAF) && !defined(__ARM_FEATURE_FMA) && \
    !defined(__aarch64__)
#error "the core needs a processor with fused multiply-adds of floats"
#endif

#include "medley/engine/digest.hpp"
#include "medley/engine/loop.hpp"
#include "medley/engine/reports.hpp"
#include "medley/engine/settings_of.hpp"
#include "medley/engine/trainer.hpp"
#include "medley/engine/workers.hpp"
