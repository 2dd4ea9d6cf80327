// Who does an engine's work. Workers run one function at a time, all of them, and wait for each other.
// Which worker takes what may depend on how fast they are; results must not.
//
//   count()                 how many there are, numbered from 0
//   run(f)                  calls f(worker) on every worker and returns when all are done
//   parallel_for(count, f)  calls f(worker, i) for 0 <= i < count, each on the next worker that is
//                           free, and returns when all are done
//
// f does not throw. Threads (threads.hpp) are the shell's; OneWorker is for where there are none.
#pragma once

#include <concepts>

namespace medley {

template <class W>
concept WorkerSet = requires(W workers, void (*one)(int), void (*each)(int, int)) {
  { workers.count() } -> std::convertible_to<int>;
  workers.run(one);
  workers.parallel_for(1, each);
};

// The caller alone.
struct OneWorker {
  static constexpr int count() { return 1; }
  template <class F>
  static void run(F&& f) {
    f(0);
  }
  template <class F>
  static void parallel_for(int count, F&& f) {
    for (int i = 0; i < count; ++i) f(0, i);
  }
};
static_assert(WorkerSet<OneWorker>);

}  // namespace medley
