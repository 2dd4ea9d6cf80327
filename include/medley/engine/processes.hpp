// Processes that train together. Each has an arena with all parameters, and reads the records of its own
// slots; what one has computed goes to the others in messages. Who owns what follows from the number of
// processes alone, and is added up in the order of one process: results do not depend on it.
//
// The core asks for messages, no more; the shell has them carried over MPI (mpi/mpi_processes.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace medley {

// One of them. Messages from one process to another arrive in the order in which they were sent, and are
// received by a process that knows how long they are.
class Processes {
 public:
  virtual int rank() const = 0;  // from 0
  virtual int count() const = 0;
  // Begin to. What `data` points to must stay as it is until wait() has returned. From one thread at a
  // time.
  virtual void send(int to, const void* data, std::size_t bytes) = 0;
  virtual void receive(int from, void* data, std::size_t bytes) = 0;
  // Returns when all that was begun is done. Where another process does not answer, it does not return.
  virtual void wait() = 0;
  // The same where another process may be silent for as long as it likes.
  virtual void wait_idly() { wait(); }

 protected:
  // Nobody owns it by this class: a virtual destructor would ask for operator delete.
  ~Processes() = default;
};

// What belongs to a process of many things in a row: [first, last).
struct Share {
  int first = 0, last = 0;
  int count() const { return last - first; }
};

// Of `count` things that cost the same.
constexpr Share share_of(int count, int process, int processes) {
  const auto before = [&](int p) { return static_cast<int>(std::int64_t{count} * p / processes); };
  return {before(process), before(process + 1)};
}

// Calls f(first, leaves) for the largest subtrees that have no other leaves than those of a share, of
// the tree over `count` leaves in which tree_sum() adds.
template <class F>
constexpr void each_subtree(const Share& share, int count, F&& f) {
  const auto fits = [&](int first, int size) {
    return first % size == 0 && (first + size <= share.last || share.last == count);
  };
  for (int first = share.first; first < share.last;) {
    int size = 1;
    while (first + size < share.last && fits(first, 2 * size)) size *= 2;
    f(first, std::min(size, share.last - first));
    first += size;
  }
}

// The process at hand among those that train together, or alone.
class Company {
 public:
  explicit Company(Processes* processes = nullptr) : processes_(processes) {}

  int rank() const { return processes_ ? processes_->rank() : 0; }
  int count() const { return processes_ ? processes_->count() : 1; }
  bool alone() const { return count() == 1; }
  Processes& processes() const { return *processes_; }

  // Calls f(process) for all others, the next first, so that not all turn to one.
  template <class F>
  void each_other(F&& f) const {
    for (int i = 1; i < count(); ++i) f((rank() + i) % count());
  }

  // Each process has made its share of the items: after wait() all have all of them.
  template <class T, class ShareOf>
  void begin_all_gather(T* items, ShareOf&& share_of_process) const {
    const auto bytes = [](const Share& share) {
      return static_cast<std::size_t>(share.count()) * sizeof(T);
    };
    const Share own = share_of_process(rank());
    each_other([&](int other) {
      const Share theirs = share_of_process(other);
      if (own.count() > 0) processes_->send(other, items + own.first, bytes(own));
      if (theirs.count() > 0) processes_->receive(other, items + theirs.first, bytes(theirs));
    });
  }

  void wait() const {
    if (processes_) processes_->wait();
  }

 private:
  Processes* processes_;
};

}  // namespace medley
