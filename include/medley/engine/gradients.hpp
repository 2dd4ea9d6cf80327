// The gradients that shards left: those of slots become one, or factors are multiplied, and those of
// losses are compared. All of it in chunks of the parameters, which workers share out among themselves.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "medley/base/exact_math.hpp"
#include "medley/engine/arena_view.hpp"
#include "medley/engine/batches.hpp"
#include "medley/engine/exchange.hpp"
#include "medley/engine/parts.hpp"
#include "medley/engine/reports.hpp"
#include "medley/engine/workers.hpp"
#include "medley/kernels/dense.hpp"

namespace medley {

template <class Experiment, WorkerSet Workers>
class Gradients {
 protected:
  using D = Definition<Experiment>;
  using Net = typename D::Net;
  using Ways = typename D::Ways;

  using Chunked = Chunks<Net>;
  using Chunk = typename Chunked::Chunk;
  static constexpr int chunk_count = Chunked::count;
  static constexpr const auto& chunks = Chunked::list;

  // What a chunk adds to the squared norm of each group's gradient, to each penalty, and to the
  // inner products of the losses of groups that combine gradients.
  struct alignas(64) Sums {
    std::array<double, Ways::most_groups> square{};
    std::array<double, D::term_count> penalty{};
    std::array<double, Ways::pairs> product{};
    std::array<double, Ways::validates ? Ways::most_losses_apart : 0> along{};
    double change = 0.0;  // product_with_change()
  };

  // Calls f(chunk, its sums) for all chunks that are this process's own, shared out among the workers.
  // Sums of the others are theirs until gather_sums().
  template <class F>
  void for_own_chunks(Workers& workers, F&& f) {
    const Share own = exchange_.chunks();
    workers.parallel_for(own.count(),
                         [&](int, int i) { f(chunks[own.first + i], sums_[own.first + i]); });
  }
  void begin_gather_sums() { exchange_.begin_all_gather_chunks(sums_.data()); }
  void gather_sums() {
    begin_gather_sums();
    exchange_.wait();
  }

 public:
  Gradients(ArenaView<D> view, const Parts<Net>& parts, const Exchange<D>& exchange)
      : view_(view), parts_(parts), exchange_(exchange) {}

  using Active = std::array<Takes, max_groups>;

  // What gradients are made of: terms of each direction, weights of penalties and of gradients that
  // are combined, in the trunk and in heads, the slots that are to be added (none where there are no
  // losses), the range whose factors wait, and the groups that take part.
  struct Sources {
    const std::array<TermSet, D::directions>& sets;
    const std::array<float, max_terms>& weight;
    const std::array<float, max_terms>& in_heads;
    int slots;
    ShardRange range;
    StepPlan plan{};
    Active active{};
  };

  // Where others train along, adds their slots' gradients to those of own chunks. Returns the slots that
  // are still to be added, of `used` that were written.
  int bring_together(Workers& workers, const std::array<TermSet, D::directions>& sets, int used) {
    return exchange_.reduce_scatter(workers, sets, used,
                                    [&](const Chunk& chunk) { return frozen(chunk); });
  }

  // Multiplies the factors that the shards of a range left: for all ranges of a batch but the last.
  void multiply_factors(Workers& workers, const std::array<TermSet, D::directions>& sets,
                        const ShardRange& range) {
    for_own_chunks(workers, [&](const Chunk& chunk, Sums&) {
      for (int d = 0; d < D::directions && !frozen(chunk); ++d) {
        if (D::reaches_backward(sets[d], chunk.segment)) multiply_factors(chunk, d, range);
      }
    });
  }

  // After reduce: inner product of the gradients of a pair of losses.
  double product(int pair) const {
    double value = 0;
    for (const Sums& sums : sums_) value += sums.product[pair];
    return value;
  }
  // Makes the gradients of losses over the trunk, for compare_gradients: of all, where each has a
  // direction; else of one, which is kept.
  void collect_gradients(Workers& workers, const Sources& from) {
    for_own_chunks(workers, [&](const Chunk& chunk, Sums&) {
      if (chunk.segment != 0 || !learns(chunk)) return;
      for (int d = 0; d < D::directions; ++d) gather(chunk, d, from);
    });
    D::each_loss([&](int k) { gather_loss(k); });
  }
  void collect_term(Workers& workers, int term, const Sources& from) {
    for_own_chunks(workers, [&](const Chunk& chunk, Sums&) {
      if (chunk.segment != 0 || !learns(chunk)) return;
      const int d = measured_direction(term);
      gather(chunk, d, from);
      std::copy_n(gradient(chunk, d, 0), chunk.floats, loss_gradient(chunk, term));
    });
    gather_loss(term);
  }
  // ⟨g_a, g_b⟩ of the losses, over the trunk.
  void products(Diagnosis::Pairs& product) const {
    each_pair_of_losses([&](const Chunk& chunk, int a, int b) {
      product[a][b] += inner_product(
          chunk, [&](int i) { return term_gradient(chunk, a, i); },
          [&](int i) { return term_gradient(chunk, b, i); });
    });
  }
  // Keeps them, a loss after the other; then the products of those kept with those at hand.
  void copy_gradients(float* to) const {
    for (const Chunk& chunk : chunks) {
      if (chunk.segment != 0 || !learns(chunk)) continue;
      D::each_loss([&](int k) {
        std::copy_n(loss_gradient(chunk, k), chunk.floats, kept_gradient(to, chunk, k));
      });
    }
  }
  void products_with(float* kept, Diagnosis::Pairs& product) const {
    each_pair_of_losses([&](const Chunk& chunk, int a, int b) {
      const float* of_first = kept_gradient(kept, chunk, a);
      product[a][b] += inner_product(
          chunk, [&](int i) { return Vec::load(of_first + i); },
          [&](int i) { return term_gradient(chunk, b, i); });
    });
  }
  // The trunk's parameters become θ - rate · g_k, from θ and the gradient of a loss at hand.
  void step_against(int term, double rate, const float* theta) const {
    for (const Chunk& chunk : chunks) {
      if (chunk.segment != 0 || !learns(chunk)) continue;
      const Vec down = Vec::broadcast(static_cast<float>(-rate * rate_scale(chunk)));
      for (int i = 0; i < chunk.floats; i += lanes) {
        fma(down, term_gradient(chunk, term, i), Vec::load(theta + chunk.offset + i))
            .store(view_.parameters() + chunk.offset + i);
      }
    }
  }
  // ⟨g, θ' - θ⟩ over all parameters, of the gradient in a direction and other parameters θ'.
  double product_with_change(Workers& workers, int direction, const Sources& from,
                             const float* others) {
    for_own_chunks(workers, [&](const Chunk& chunk, Sums& sums) {
      sums.change = 0.0;
      if (!learns(chunk) || !D::reaches_backward(from.sets[direction], chunk.segment)) return;
      if (chunk.segment != 0) gather(chunk, direction, from);
      const float *g = gradient(chunk, direction, 0), *theta = view_.parameters() + chunk.offset;
      sums.change = inner_product(
          chunk, [&](int i) { return Vec::load(g + i); },
          [&](int i) { return Vec::load(others + chunk.offset + i) - Vec::load(theta + i); });
    });
    gather_sums();
    double product = 0.0;
    for (const Sums& sums : sums_) product += sums.change;
    return product;
  }

  void compare_gradients(GradientReport& report) const {
    report = {};
    std::array<std::array<double, D::term_count>, D::term_count> dot{};
    for (const Chunk& chunk : chunks) {
      if (chunk.segment != 0 || !learns(chunk)) continue;
      for (int a = 0; a < D::term_count; ++a) {
        for (int b = a; b < D::term_count; ++b) {
          dot[a][b] += inner_product(
              chunk, [&](int i) { return term_gradient(chunk, a, i); },
              [&](int i) { return term_gradient(chunk, b, i); });
        }
      }
    }
    for (int a = 0; a < D::term_count; ++a) {
      report.norm[a] = square_root(dot[a][a]);
      for (int b = a; b < D::term_count; ++b) {
        const double size = square_root(dot[a][a]) * square_root(dot[b][b]);
        report.cosine[a][b] = report.cosine[b][a] = size > 0 ? dot[a][b] / size : 0.0;
      }
    }
  }

 protected:
  static TermSet together(const std::array<TermSet, D::directions>& sets) {
    TermSet all = 0;
    for (const TermSet set : sets) all |= set;
    return all;
  }
  // Where a loss's gradient is measured.
  static constexpr int measured_direction(int term) {
    return Ways::plans[Ways::measuring_mode].direction_of(term, Ways::one_a_loss);
  }

  // A chunk's gradient in a slot; a factored one is in slot 0 alone.
  float* gradient(const Chunk& chunk, int direction, int slot) const {
    return (chunk.factored ? view_.factored_gradients(direction, chunk.segment)
                           : view_.gradients(direction, chunk.segment, slot)) +
           chunk.gradient;
  }
  // Where the gradient of a group comes together.
  float* group_gradient(const Chunk& chunk, int group, const Sources& from) const {
    const bool apart = from.active[group] == Takes::apart;
    return gradient(chunk, D::gathering_direction(from.plan.group[group], apart, chunk.segment), 0);
  }

  // Adds to a factored gradient what the range's shards left, in their order.
  void multiply_factors(const Chunk& chunk, int direction, const ShardRange& range) {
    if (!chunk.factored) return;
    const PlacedParameter& p = Net::parameters[chunk.parameter];
    const int first = static_cast<int>(chunk.offset - p.offset) / lanes;
    const int block = first / p.spec.rows(), row = first % p.spec.rows();
    std::array<kernels::Factors, D::slots> shards;
    const int count = static_cast<int>(range.last - range.first);
    for (int slot = 0; slot < count; ++slot) {
      const float* inputs = view_.factors(direction, chunk.segment, slot) + p.factors -
                            Net::segment_places.factors[chunk.segment];
      shards[slot] = {inputs + row * D::shard, inputs + (p.spec.rows() + block * lanes) * D::shard,
                      slot + 1 < count ? D::shard : range.last_samples};
    }
    kernels::multiply_factors(chunk.floats / lanes, D::shard, shards.data(), count,
                              gradient(chunk, direction, 0), range.first > 0);
  }

  // A chunk's gradient as the slots have it; a factored one is there once.
  struct InSlots {
    const float* first;
    std::size_t stride;
    int used;
    // Sum over the slots of vector i.
    MEDLEY_INLINE Vec sum(int i) const {
      return tree_sum<D::slots>(used,
                                [&](int slot) { return Vec::load(first + slot * stride + i); });
    }
  };
  InSlots in_slots(const Chunk& chunk, int direction, int used) const {
    return {gradient(chunk, direction, 0), D::slot_floats(chunk.segment),
            chunk.factored ? 1 : used};
  }

  // The losses' gradient of one direction in one chunk: slots or factors; into slot 0. False where
  // the losses do not reach it.
  bool gather(const Chunk& chunk, int direction, const Sources& from) {
    if (from.slots == 0 || !D::reaches_backward(from.sets[direction], chunk.segment)) return false;
    multiply_factors(chunk, direction, from.range);
    if (chunk.factored) return true;
    float* to = gradient(chunk, direction, 0);
    const InSlots slots = in_slots(chunk, direction, from.slots);
    for (int i = 0; i < chunk.floats; i += lanes) slots.sum(i).store(to + i);
    return true;
  }

  // Running statistics come from the one forward pass, in the first direction that has them.
  void gather_statistics(const Chunk& chunk, Sums& sums, const Sources& from) {
    sums.square = {};
    for (int d = 0; d < D::directions; ++d) {
      if (gather(chunk, d, from)) return;
    }
  }

  // Inner product of two gradients in a chunk, in the order of the instruction set's vector.
  template <class A, class B>
  static double inner_product(const Chunk& chunk, A&& a, B&& b) {
    Vec products = Vec::zero();
    for (int i = 0; i < chunk.floats; i += lanes) products = fma(a(i), b(i), products);
    return static_cast<double>(sum(products));
  }

  // The gradients of a group's losses, each by itself, and over the trunk their products.
  void gather(const Chunk& chunk, Sums& sums, int group, const Sources& from) {
    const GroupPlan& of = from.plan.group[group];
    const int first = of.first, losses = of.losses;
    const auto load = [&](int loss) {
      return [at = gradient(chunk, first + loss, 0)](int i) { return Vec::load(at + i); };
    };
    sums.square[group] = 0;
    for (int a = 0; a < losses; ++a) {
      const bool reached = gather(chunk, first + a, from);
      if (reached) sums.square[group] += inner_product(chunk, load(a), load(a));
      for (int b = 0; b <= a; ++b) {
        sums.product[of.pair(a, b)] =
            reached && chunk.segment == 0 ? inner_product(chunk, load(a), load(b)) : 0.0;
      }
    }
  }

  template <class F>
  void each_pair_of_losses(F&& f) const {
    for (const Chunk& chunk : chunks) {
      if (chunk.segment != 0 || !learns(chunk)) continue;
      D::each_loss([&](int a) { D::each_loss([&](int b) { f(chunk, a, b); }); });
    }
  }
  static float* kept_gradient(float* kept, const Chunk& chunk, int term) {
    return kept + static_cast<std::size_t>(rank_of(term)) * D::trunk_floats + chunk.offset;
  }
  // Of a loss among all.
  static int rank_of(int term) {
    int rank = 0;
    for (int k = 0; k < term; ++k) rank += !D::is_penalty[k];
    return rank;
  }

  // What every process has collected of a loss, to all.
  void gather_loss(int term) const {
    exchange_.all_gather_floats([&](const Chunk& chunk) {
      return chunk.segment == 0 && learns(chunk) ? loss_gradient(chunk, term) : nullptr;
    });
  }

  // A loss's gradient over the trunk, as it was collected.
  float* loss_gradient(const Chunk& chunk, int term) const {
    if constexpr (Ways::one_a_loss) {
      return gradient(chunk, measured_direction(term), 0);
    } else {
      return view_.term_gradients(rank_of(term)) + chunk.offset;
    }
  }
  // Vector i of a term's gradient over the trunk, before its weight.
  Vec term_gradient(const Chunk& chunk, int term, int i) const {
    if (!D::is_penalty[term]) return Vec::load(loss_gradient(chunk, term) + i);
    Vec g = Vec::zero();
    if (!chunk.decays) return g;
    const Vec theta = Vec::load(view_.parameters() + chunk.offset + i);
    D::each_term([&](auto k) {
      if constexpr (D::is_penalty[k]) {
        using Loss = typename D::template TermAt<decltype(k)::value>::Loss;
        if (k == term) g = Loss::derivative(theta);
      }
    });
    return g;
  }

  bool frozen(const Chunk& chunk) const {
    return parts_.frozen().parameter[static_cast<std::size_t>(chunk.parameter)];
  }
  bool learns(const Chunk& chunk) const { return chunk.trainable && !frozen(chunk); }
  double rate_scale(const Chunk& chunk) const {
    return parts_.rate_scale(parts_.of(chunk.parameter));
  }

  ArenaView<D> view_;
  const Parts<Net>& parts_;
  const Exchange<D>& exchange_;
  std::array<Sums, chunk_count> sums_{};
};

}  // namespace medley
