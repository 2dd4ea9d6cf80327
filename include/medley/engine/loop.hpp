// The loop of a training: step after step until all are done or somebody wants to stop.
//
//   struct Watcher {
//     void before(const Position&);           // the step at hand; may be left out
//     bool wants_gradients(const Position&);  // whether to measure them before it
//     bool after(const StepDone&);            // false: stop here
//   };
//   Position position;                        // or where an earlier loop stopped
//   run_steps(trainer, position, 1000, Schedule::cosine(), watcher);
//
// The engine is a Trainer, or anything with its step(), measure_gradients() and rounds_per_epoch().
#pragma once

#include <concepts>
#include <cstdint>

#include "medley/engine/reports.hpp"

namespace medley {

struct StepDone {
  const Position& before;  // the step
  const StepReport& report;
  const GradientReport* gradients;  // null where they were not wanted
  bool ends_epoch;                  // the last epoch of a run may end early
};

template <class W>
concept StepWatcher = requires(W& watcher, const Position& position, const StepDone& done) {
  { watcher.wants_gradients(position) } -> std::convertible_to<bool>;
  { watcher.after(done) } -> std::convertible_to<bool>;
};

enum class Ending { complete, stopped, diverged };

// Goes on from `position`, which it advances, to `steps`. Ends where a step diverged, once the watcher
// has seen it: its report says so, and the parameters are no longer to be used.
template <class AnyEngine, StepWatcher Watcher>
Ending run_steps(AnyEngine& engine, Position& position, std::uint64_t steps,
                 const Schedule& schedule, Watcher& watcher) {
  const std::uint64_t rounds = engine.rounds_per_epoch();
  StepReport report;
  GradientReport gradients;
  while (position.step < steps) {
    if constexpr (requires { watcher.before(position); }) watcher.before(position);
    const bool measured = watcher.wants_gradients(position);
    if (measured) engine.measure_gradients(position, gradients);
    const Position before = position;
    engine.step(position, schedule.factor(position.step, steps), report);
    const bool goes_on = watcher.after({before, report, measured ? &gradients : nullptr,
                                        position.step % rounds == 0 || position.step == steps});
    if (report.diverged) return Ending::diverged;
    if (!goes_on) return Ending::stopped;
  }
  return Ending::complete;
}

}  // namespace medley
