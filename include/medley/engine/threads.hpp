// Workers that are threads. The caller is worker 0. Belongs to the shell: the core takes any workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "medley/engine/workers.hpp"

namespace medley {

class Threads {
 public:
  explicit Threads(int count) : count_(count) {
    for (int w = 1; w < count; ++w) {
      threads_.emplace_back([this, w] { serve(w); });
    }
  }
  ~Threads() {
    stop_ = true;
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int count() const { return count_; }

  // Calls f(worker) on every worker and returns when all are done. f must not throw.
  template <class F>
  void run(F&& f) {
    if (count_ == 1) {
      f(0);
      return;
    }
    call_ = [](void* context, int worker) { (*static_cast<F*>(context))(worker); };
    context_ = const_cast<void*>(static_cast<const void*>(&f));
    running_.store(count_ - 1, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    f(0);
    wait(running_, [](int left) { return left == 0; });
  }

  // Calls f(worker, i) for 0 <= i < count, each on the next worker that is free, and returns when
  // all are done.
  template <class F>
  void parallel_for(int count, F&& f) {
    next_.store(0, std::memory_order_relaxed);
    run([&](int worker) {
      for (;;) {
        const int i = next_.fetch_add(1, std::memory_order_relaxed);
        if (i >= count) return;
        f(worker, i);
      }
    });
  }

 private:
  // Polls for some microseconds, as phases follow each other closely, then sleeps.
  template <class T, class Done>
  static T wait(std::atomic<T>& value, Done done) {
    T seen{};
    for (int i = 0; i < 2000; ++i) {
      seen = value.load(std::memory_order_acquire);
      if (done(seen)) return seen;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
    while (!done(seen)) {
      value.wait(seen, std::memory_order_acquire);
      seen = value.load(std::memory_order_acquire);
    }
    return seen;
  }

  void serve(int worker) {
    std::uint32_t last = 0;
    for (;;) {
      last = wait(generation_, [&](std::uint32_t seen) { return seen != last; });
      if (stop_) return;
      call_(context_, worker);
      if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
    }
  }

  int count_;
  std::vector<std::thread> threads_;
  void (*call_)(void*, int) = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> stop_{false};
  alignas(128) std::atomic<std::uint32_t> generation_{0};
  alignas(128) std::atomic<int> running_{0};
  alignas(128) std::atomic<int> next_{0};
};
static_assert(WorkerSet<Threads>);

}  // namespace medley
