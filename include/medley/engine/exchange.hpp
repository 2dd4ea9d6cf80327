// What processes that train together tell each other in a step: gradients, of which each gets its share
// in the order in which one process would add them, and what has become of them.
#pragma once

#include <array>
#include <cstddef>

#include "medley/base/vec.hpp"
#include "medley/engine/arena_view.hpp"
#include "medley/engine/chunks.hpp"
#include "medley/engine/processes.hpp"
#include "medley/engine/tree_sum.hpp"
#include "medley/engine/workers.hpp"

namespace medley {

// D is the Definition of an experiment. What others send goes where one process would have computed it,
// so that there are no buffers.
//
// Bytes that P processes send in a step with one group and one direction, all together, of F floats of
// parameters (F_p of them in the chunks of process p, which has T_p subtrees of the slots used):
//
//   gradients   4 Σ_p T_p (F - F_p), which is 4 (P - 1) F where T_p = 1: where P is a power of two and
//               divides the number of slots. Other P have a subtree or two more a process
//   parameters  4 (P - 1) F
//   factors     4 (P - 1) factor_floats() a slot and range of shards, in place of the gradients of what
//               is factored
//   the rest    (P - 1) (sizeof(SlotTotals) a slot + sizeof(Sums) a chunk)
//
// So a process sends 2 (P - 1)/P F floats, as any all-reduce does at least where all send alike (Patarasuk
// and Yuan 2009). They wait for each other twice: for gradients with totals, for parameters with sums.
template <class D>
class Exchange {
  using Net = typename D::Net;
  using Chunked = Chunks<Net>;
  using Chunk = typename Chunked::Chunk;
  using TermSets = std::array<TermSet, D::directions>;

 public:
  explicit Exchange(ArenaView<D> view) : view_(view) {}

  void start(Processes* processes) { company_ = Company(processes); }
  const Company& company() const { return company_; }
  bool alone() const { return company_.alone(); }

  // Of the slots of a batch that has `used` of them, those of a process; of all chunks.
  Share slots(int used, int process) const { return share_of(used, process, company_.count()); }
  Share slots(int used) const { return slots(used, company_.rank()); }
  Share chunks(int process) const { return Chunked::share_of(process, company_.count()); }
  Share chunks() const { return chunks(company_.rank()); }

  // What was found a slot, `items` of each, or a chunk: all get that of all, once what was begun has
  // been waited for. Until then it must stay.
  template <class T>
  void begin_all_gather_slots(T* first, int used, std::size_t items = 1) const {
    const auto whole = static_cast<int>(items);
    company_.begin_all_gather(first, [&](int process) {
      const Share share = slots(used, process);
      return Share{share.first * whole, share.last * whole};
    });
  }
  template <class T>
  void all_gather_slots(T* first, int used, std::size_t items = 1) const {
    begin_all_gather_slots(first, used, items);
    wait();
  }
  template <class T>
  void begin_all_gather_chunks(T* first) const {
    company_.begin_all_gather(first, [&](int process) { return chunks(process); });
  }
  void wait() const { company_.wait(); }
  // Floats of chunks, which are at place(chunk); null: none. Waits for all that was begun before, too.
  template <class Place>
  void all_gather_floats(Place&& place) const {
    company_.each_other([&](int other) {
      Chunked::each_piece(chunks(), place, send_to(other));
      Chunked::each_piece(chunks(other), place, receive_from(other));
    });
    wait();
  }
  // The first process's floats of chunks, to the processes that own these; and back.
  template <class Place>
  void scatter_floats(Place&& place) const {
    if (company_.rank() != 0) {
      Chunked::each_piece(chunks(), place, receive_from(0));
    } else {
      company_.each_other(
          [&](int other) { Chunked::each_piece(chunks(other), place, send_to(other)); });
    }
    wait();
  }
  template <class Place>
  void gather_floats(Place&& place) const {
    if (company_.rank() != 0) {
      Chunked::each_piece(chunks(), place, send_to(0));
    } else {
      company_.each_other(
          [&](int other) { Chunked::each_piece(chunks(other), place, receive_from(other)); });
    }
    wait();
  }

  // The first process's floats, to all.
  void broadcast(float* first, std::size_t floats) const {
    if (company_.rank() != 0) {
      receive_from(0)(first, floats);
    } else {
      company_.each_other([&](int other) { send_to(other)(first, floats); });
    }
    wait();
  }

  // The factors of gradients that the shards of a range left, one a slot.
  void all_gather_factors(const TermSets& sets, int used, int in_range) const {
    if (alone()) return;
    for (int d = 0; d < D::directions; ++d) {
      for (int s = 0; s < Net::segment_count; ++s) {
        const auto floats = static_cast<int>(D::factor_floats(s));
        if (floats == 0 || !D::reaches_backward(sets[d], s)) continue;
        company_.begin_all_gather(view_.factors(d, s, 0), [&](int process) {
          const Share share = slots(used, process);
          return Share{std::min(share.first, in_range) * floats,
                       std::min(share.last, in_range) * floats};
        });
      }
    }
    wait();
  }

  // Adds up the slots' gradients of own chunks, those of other processes included; what is frozen is
  // left out. They are in the first slot then: returns the number of slots that are still to be added.
  // Waits for all that was begun before, too.
  template <WorkerSet Workers, class IsFrozen>
  int reduce_scatter(Workers& workers, const TermSets& sets, int used, IsFrozen&& frozen) const {
    if (alone() || used == 0) return used;
    const auto reached = [&](const Chunk& chunk, int d) {
      return !chunk.factored && !frozen(chunk) && D::reaches_backward(sets[d], chunk.segment);
    };
    workers.parallel_for(Chunked::count, [&](int, int c) {
      const Chunk& chunk = Chunked::list[c];
      for (int d = 0; d < D::directions; ++d)
        if (reached(chunk, d)) add_subtrees(chunk, d, used);
    });
    const auto each_message = [&](int from, const Share& to, auto&& message) {
      for (int d = 0; d < D::directions; ++d) {
        each_subtree(slots(used, from), used, [&](int slot, int) {
          Chunked::each_piece(
              to,
              [&](const Chunk& chunk) { return reached(chunk, d) ? at(chunk, d, slot) : nullptr; },
              message);
        });
      }
    };
    company_.each_other([&](int other) {
      each_message(company_.rank(), chunks(other), send_to(other));
      each_message(other, chunks(), receive_from(other));
    });
    wait();
    const Share own = chunks();
    const Additions additions = additions_of(used);
    workers.parallel_for(own.count(), [&](int, int i) {
      const Chunk& chunk = Chunked::list[own.first + i];
      for (int d = 0; d < D::directions; ++d)
        if (reached(chunk, d)) add_up(chunk, d, additions);
    });
    return 1;
  }

 private:
  auto send_to(int process) const {
    return [this, process](const float* first, std::size_t floats) {
      company_.processes().send(process, first, floats * sizeof(float));
    };
  }
  auto receive_from(int process) const {
    return [this, process](float* first, std::size_t floats) {
      company_.processes().receive(process, first, floats * sizeof(float));
    };
  }

  float* at(const Chunk& chunk, int direction, int slot) const {
    return view_.gradients(direction, chunk.segment, slot) + chunk.gradient;
  }

  // The sum of each subtree of own slots goes to its first slot.
  void add_subtrees(const Chunk& chunk, int direction, int used) const {
    each_subtree(slots(used), used, [&](int slot, int leaves) {
      if (leaves == 1) return;
      float* const to = at(chunk, direction, slot);
      const std::size_t stride = D::slot_floats(chunk.segment);
      for (int i = 0; i < chunk.floats; i += lanes) {
        tree_sum<D::slots>(leaves, [&](int leaf) {
          return Vec::load(to + leaf * stride + i);
        }).store(to + i);
      }
    });
  }

  // The slots that have the sum of a subtree, and how these are added in order: that of one slot, and
  // then of the other.
  struct Additions {
    struct Pair {
      int to = 0, from = 0;
    };
    std::array<int, static_cast<std::size_t>(D::slots)> slots{};
    std::array<Pair, static_cast<std::size_t>(D::slots)> pairs{};
    int sums = 0, count = 0;
  };
  Additions additions_of(int used) const {
    Additions additions;
    std::array<bool, static_cast<std::size_t>(D::slots)> is_sum{};
    for (int process = 0; process < company_.count(); ++process) {
      each_subtree(slots(used, process), used, [&](int slot, int) {
        is_sum[slot] = true;
        additions.slots[additions.sums++] = slot;
      });
    }
    for (int width = 1; width < used; width *= 2) {
      for (int i = 0; i + width < used; i += 2 * width)
        if (is_sum[i + width]) additions.pairs[additions.count++] = {i, i + width};
    }
    return additions;
  }
  void add_up(const Chunk& chunk, int direction, const Additions& additions) const {
    float* const first = at(chunk, direction, 0);
    const std::size_t stride = D::slot_floats(chunk.segment);
    std::array<Vec, static_cast<std::size_t>(D::slots)> sum;
    for (int i = 0; i < chunk.floats; i += lanes) {
      for (int k = 0; k < additions.sums; ++k) {
        const int slot = additions.slots[k];
        sum[slot] = Vec::load(first + slot * stride + i);
      }
      for (int k = 0; k < additions.count; ++k) {
        const auto [to, from] = additions.pairs[k];
        sum[to] = sum[to] + sum[from];
      }
      sum[0].store(first + i);
    }
  }

  ArenaView<D> view_;
  Company company_;
};

}  // namespace medley
