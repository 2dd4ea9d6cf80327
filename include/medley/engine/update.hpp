// What happens to parameters: optimizers turn gradients into changes, in chunks, which workers share
// out among themselves.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>

#include "medley/base/exact_math.hpp"
#include "medley/engine/gradients.hpp"
#include "medley/experiment/initialization.hpp"

namespace medley {

template <class Experiment, WorkerSet Workers>
class Update : public Gradients<Experiment, Workers> {
  using D = Definition<Experiment>;
  using Net = typename D::Net;
  using Ways = typename D::Ways;
  using Base = Gradients<Experiment, Workers>;
  using Base::begin_gather_sums, Base::chunk_count, Base::chunks, Base::exchange_,
      Base::for_own_chunks, Base::frozen, Base::gather, Base::gather_statistics, Base::gather_sums,
      Base::gradient, Base::group_gradient, Base::in_slots, Base::inner_product, Base::learns,
      Base::parts_, Base::rate_scale, Base::sums_, Base::together, Base::view_;
  using typename Base::Chunk;
  using typename Base::InSlots;
  using typename Base::Sums;

 public:
  using Base::multiply_factors;
  using typename Base::Active;
  using typename Base::Sources;

  Update(ArenaView<D> view, const Parts<Net>& parts, const Exchange<D>& exchange)
      : Base(view, parts, exchange) {}

  // Draws the parameters; moments are cleared by whoever clears the arena.
  void initialize(std::uint64_t seed) {
    for (int k = 0; k < Net::parameter_count; ++k) {
      const PlacedParameter& p = Net::parameters[k];
      const RandomStream stream(seed, Purpose::initialization, 0, static_cast<std::uint64_t>(k));
      InitialNumbers(p.spec, D::initials[k], stream).write(view_.parameters() + p.offset);
    }
  }

  template <class G>
  struct ConstantsOf;
  template <class... Groups>
  struct ConstantsOf<std::tuple<Groups...>> {
    using type = std::tuple<typename Groups::UpdateRule::Constants...>;
  };
  struct Rates {
    std::array<typename ConstantsOf<typename D::Groups>::type, Parts<Net>::most>
        rule{};  // of parts
    std::array<float, max_groups> scale{};
  };
  // Makes the gradient of each group, and where there are rates, applies it to a chunk while that is
  // in cache. What the terms do not reach is left alone. Of a group that combines gradients this
  // makes those of its losses, and their inner products over the trunk. Of what is frozen there are
  // only the penalties' values.
  void reduce(Workers& workers, const Sources& from, const Rates* rates) {
    const TermSet all = together(from.sets);
    for_own_chunks(workers, [&](const Chunk& chunk, Sums& sums) {
      if (frozen(chunk)) return rest(chunk, sums);
      if (chunk.trainable) {
        for (int g = 0; g < from.plan.groups; ++g) {
          if (from.active[g] == Takes::apart) gather(chunk, sums, g, from);
          if (from.active[g] == Takes::together || from.active[g] == Takes::at_output)
            reduce(chunk, sums, g, from);
        }
      } else {
        gather_statistics(chunk, sums, from);
      }
      if (rates) apply(chunk, all, from, *rates);
    });
    finish_chunks(workers, all, rates != nullptr);
  }
  // Then: combines the gradients with the weights of their losses, and goes on as reduce does.
  void combine(Workers& workers, const Sources& from, const Rates* rates) {
    if constexpr (Ways::any_combines) {
      const TermSet all = together(from.sets);
      for_own_chunks(workers, [&](const Chunk& chunk, Sums& sums) {
        for (int g = 0; g < from.plan.groups && learns(chunk); ++g) {
          if (from.active[g] == Takes::apart) combine(chunk, sums, g, from);
        }
        if (rates) apply(chunk, all, from, *rates);
      });
      finish_chunks(workers, all, rates != nullptr);
    }
  }
  // After reduce, of a group whose losses are apart: θ ← θ - rate Σ w_k g_k, with what θ was kept.
  void step_ahead(Workers& workers, const Sources& from, int group, double rate) {
    if constexpr (Ways::validates) {
      std::copy_n(view_.parameters(), D::parameter_floats, view_.kept_parameters());
      for_own_chunks(workers, [&](const Chunk& chunk, Sums&) {
        if (!learns(chunk)) return;
        float* theta = view_.parameters() + chunk.offset;
        const Mixed parts = mixed(chunk, group, from);
        const Vec down = Vec::broadcast(static_cast<float>(-rate * rate_scale(chunk)));
        for (int i = 0; i < chunk.floats; i += lanes)
          fma(down, parts.sum(i), Vec::load(theta + i)).store(theta + i);
      });
      gather_parameters([&](const Chunk& chunk) { return learns(chunk); });
      prepack(workers);
    }
  }
  // Then, with the pass of a validation batch in the last direction: its gradient in one piece, what
  // θ was, and the products of this gradient with that of each loss of the group, over the trunk.
  void look_back(Workers& workers, const Sources& from, const GroupPlan& group) {
    if constexpr (Ways::validates) {
      std::copy_n(view_.kept_parameters(), D::parameter_floats, view_.parameters());
      prepack(workers);
      for_own_chunks(workers, [&](const Chunk& chunk, Sums& sums) {
        sums.along = {};
        if (!learns(chunk)) return;
        const int last = D::directions - 1;
        if (!gather(chunk, last, from) || chunk.segment != 0) return;
        for (int k = 0; k < group.losses; ++k) {
          const float *a = gradient(chunk, group.first + k, 0), *b = gradient(chunk, last, 0);
          sums.along[k] = inner_product(
              chunk, [a](int i) { return Vec::load(a + i); },
              [b](int i) { return Vec::load(b + i); });
        }
      });
      gather_sums();
    }
  }
  double along(int loss) const {
    double value = 0;
    if constexpr (Ways::validates) {
      for (const Sums& sums : sums_) value += sums.along[loss];
    }
    return value;
  }

  // After that: value of a penalty, before its weight; norm of a group's gradient.
  double penalty(int term) const {
    double value = 0;
    for (const Sums& sums : sums_) value += sums.penalty[term];
    return value;
  }
  double group_norm(int group) const {
    double squares = 0;
    for (const Sums& sums : sums_) squares += sums.square[group];
    return square_root(squares);
  }

  // Whether all terms and gradients are finite; else the report names the first that is not.
  bool check(const StepPlan& plan, const Active& active, StepReport& report) const {
    for (int k = 0; k < D::term_count; ++k) {
      if (is_finite(report.value[k])) continue;
      report.diverged = true;
      report.culprit_term = D::term_names[k];
      break;
    }
    for (int g = 0; g < plan.groups; ++g) {
      for (int i = 0; i < chunk_count && active[g] != Takes::none; ++i) {
        if (is_finite(sums_[i].square[g])) continue;
        if (report.culprit_layer.empty()) {
          const int node = Net::parameters[chunks[i].parameter].node;
          Net::Nodes::each([&](auto n) {
            if (n == node) report.culprit_layer = Net::template NodeAt<n>::path.view();
          });
        }
        report.diverged = true;
      }
    }
    return !report.diverged;
  }

  // Applies gradients that wait for their norm.
  void apply(Workers& workers, const Sources& from, const Rates& rates) {
    const TermSet all = together(from.sets);
    for_own_chunks(workers, [&](const Chunk& chunk, Sums&) { apply(chunk, all, from, rates); });
    finish_parameters(workers, all);
  }

  // Makes what layers prepack of their parameters: weights transposed or transformed.
  void prepack(Workers& workers) {
    workers.parallel_for(chunk_count, [&](int, int i) { prepack(chunks[i]); });
  }

  // Moments are with the process that owns their chunk: brings them to the first, and from there.
  void gather_moments(const StepPlan& plan) const {
    each_moment(plan, [&](auto&& place) { exchange_.gather_floats(place); });
  }
  void scatter_moments(const StepPlan& plan) const {
    each_moment(plan, [&](auto&& place) { exchange_.scatter_floats(place); });
  }
  // The first process's parameters and states of mixes, to all.
  void broadcast_parameters(const StepPlan& plan) const {
    exchange_.broadcast(view_.parameters(), D::parameter_floats);
    for (int flat = plan.first_group; flat < plan.first_group + plan.groups; ++flat) {
      if (const std::size_t doubles = Ways::state_doubles(flat); doubles > 0)
        exchange_.broadcast(view_.mix_state(flat), 2 * doubles);
    }
  }

  // Value of a penalty with the parameters as they are, before its weight.
  double penalty_value(int term) const {
    double value = 0;
    for (const Chunk& chunk : chunks) {
      if (chunk.decays) value += penalty_value(chunk, term);
    }
    return value;
  }

 private:
  // Calls f(where a chunk's are) for each moment of the groups of a plan.
  template <class F>
  void each_moment(const StepPlan& plan, F&& f) const {
    for (int flat = plan.first_group; flat < plan.first_group + plan.groups; ++flat) {
      for (std::size_t m = 0; m < D::moment_count[flat]; ++m) {
        f([&](const Chunk& chunk) -> float* {
          if (!D::reaches(D::group_terms[flat], chunk.segment)) return nullptr;
          return view_.moments(flat, chunk.segment, chunk.offset) + m * D::moment_floats(flat);
        });
      }
    }
  }

  // To all processes: what the chunks of each have come to.
  void finish_chunks(Workers& workers, TermSet terms, bool changed) {
    if (exchange_.alone()) return;
    begin_gather_sums();
    if (changed) {
      finish_parameters(workers, terms);
    } else {
      exchange_.wait();
    }
  }
  void finish_parameters(Workers& workers, TermSet terms) {
    if (exchange_.alone()) return;
    const auto may_change = [&](const Chunk& chunk) {
      return !frozen(chunk) && (chunk.trainable ? D::reaches(terms, chunk.segment)
                                                : D::reaches_backward(terms, chunk.segment));
    };
    gather_parameters(may_change);
    const Share own = exchange_.chunks();
    workers.parallel_for(chunk_count, [&](int, int i) {
      const bool is_own = own.first <= i && i < own.last;
      if (!is_own && chunks[i].trainable && may_change(chunks[i])) prepack(chunks[i]);
    });
  }
  template <class Of>
  void gather_parameters(Of&& of) const {
    exchange_.all_gather_floats([&](const Chunk& chunk) {
      return of(chunk) ? view_.parameters() + chunk.offset : nullptr;
    });
  }

  double penalty_value(const Chunk& chunk, int term) const {
    Vec total = Vec::zero();
    for (int i = 0; i < chunk.floats; i += lanes) {
      const Vec theta = Vec::load(view_.parameters() + chunk.offset + i);
      D::each_term([&](auto k) {
        if constexpr (D::is_penalty[k]) {
          using Loss = typename D::template TermAt<decltype(k)::value>::Loss;
          if (k == term) total = total + Loss::value(theta);
        }
      });
    }
    return static_cast<double>(sum(total));
  }

  // What a frozen chunk adds to the sums.
  void rest(const Chunk& chunk, Sums& sums) const {
    sums = {};
    for (int k = 0; k < D::term_count; ++k) {
      if (D::is_penalty[k] && chunk.decays) sums.penalty[k] = penalty_value(chunk, k);
    }
  }

  // Makes a group's gradient in one chunk of `losses(i)` and the group's penalties.
  template <class Losses>
  MEDLEY_INLINE void finish(const Chunk& chunk, Sums& sums, int group, const Sources& from,
                            Losses&& losses) {
    const TermSet terms = from.plan.group[group].terms;
    const TermSet penalties = chunk.decays ? terms & D::penalties : 0;
    float* to = group_gradient(chunk, group, from);
    Vec squares = Vec::zero();
    std::array<Vec, D::term_count> penalty;
    penalty.fill(Vec::zero());
    for (int i = 0; i < chunk.floats; i += lanes) {
      Vec g = losses(i);
      if (penalties != 0) {
        const Vec theta = Vec::load(view_.parameters() + chunk.offset + i);
        D::each_term([&](auto k) {
          if constexpr (D::is_penalty[k]) {
            using Loss = typename D::template TermAt<decltype(k)::value>::Loss;
            if (!(penalties >> k & 1u)) return;
            penalty[k] = penalty[k] + Loss::value(theta);
            g = fma(Vec::broadcast(from.weight[k]), Loss::derivative(theta), g);
          }
        });
      }
      squares = fma(g, g, squares);
      g.store(to + i);
    }
    sums.square[group] = static_cast<double>(sum(squares));
    for (int k = 0; k < D::term_count; ++k) {
      if (terms >> k & 1u) sums.penalty[k] = static_cast<double>(sum(penalty[k]));
    }
  }

  // The gradient of a group with one direction.
  void reduce(const Chunk& chunk, Sums& sums, int group, const Sources& from) {
    const int d = from.plan.group[group].first;
    const TermSet terms = from.sets[d];
    if (!D::reaches(terms, chunk.segment)) {
      sums.square[group] = 0;
      return;
    }
    if (from.slots > 0 && D::reaches_backward(terms, chunk.segment)) {
      multiply_factors(chunk, d, from.range);
      const InSlots slots = in_slots(chunk, d, from.slots);
      finish(chunk, sums, group, from, [&](int i) MEDLEY_INLINE_LAMBDA { return slots.sum(i); });
    } else {
      finish(chunk, sums, group, from, [](int) { return Vec::zero(); });
    }
  }

  // Σ_k w_k g_k in the order of the losses; heads take the gradients of their own.
  void combine(const Chunk& chunk, Sums& sums, int group, const Sources& from) {
    if (!D::reaches(from.plan.group[group].terms, chunk.segment)) {
      sums.square[group] = 0;
      return;
    }
    const Mixed parts = mixed(chunk, group, from);
    finish(chunk, sums, group, from, [&](int i) MEDLEY_INLINE_LAMBDA { return parts.sum(i); });
  }

  // The gradients of a group's losses that reach a chunk, and their weights there.
  struct Mixed {
    std::array<const float*, D::directions> part{};
    std::array<float, D::directions> weight{};
    int count = 0;
    MEDLEY_INLINE Vec sum(int i) const {
      Vec g = Vec::zero();
      for (int k = 0; k < count; ++k) {
        g = fma(Vec::broadcast(weight[k]), Vec::load(part[k] + i), g);
      }
      return g;
    }
  };
  Mixed mixed(const Chunk& chunk, int group, const Sources& from) const {
    const GroupPlan& of = from.plan.group[group];
    Mixed parts;
    for (int loss = 0; loss < of.losses; ++loss) {
      const int d = of.first + loss;
      if (!D::reaches_backward(from.sets[d], chunk.segment)) continue;
      parts.weight[parts.count] = (chunk.segment == 0 ? from.weight : from.in_heads)[of.loss[loss]];
      parts.part[parts.count++] = gradient(chunk, d, 0);
    }
    return parts;
  }

  // Updates parameters that the terms reach and what is prepacked of them, and running statistics
  // on the way of their heads.
  void apply(const Chunk& chunk, TermSet terms, const Sources& from, const Rates& rates) {
    if (frozen(chunk)) return;
    if (chunk.trainable) {
      if (!D::reaches(terms, chunk.segment)) return;
      change(chunk, from, rates);
      prepack(chunk);
    } else if (D::reaches_backward(terms, chunk.segment)) {
      average(chunk, from.sets);
    }
  }

  // θ ← θ + Δ_1 + … + Δ_m, every Δ taken at the same θ.
  void change(const Chunk& chunk, const Sources& from, const Rates& rates) {
    const auto& rule = rates.rule[parts_.of(chunk.parameter)];
    std::array<const float*, max_groups> gradients;
    for (int g = 0; g < from.plan.groups; ++g) gradients[g] = group_gradient(chunk, g, from);
    for (int i = 0; i < chunk.floats; i += lanes) {
      float* at = view_.parameters() + chunk.offset + i;
      const Vec before = Vec::load(at);
      Vec theta = before;
      D::each_group([&](auto group) {
        constexpr int flat = decltype(group)::value;
        using UpdateRule = typename D::template GroupAt<flat>::UpdateRule;
        const int g = flat - from.plan.first_group;
        if (g < 0 || g >= from.plan.groups || from.active[g] == Takes::none ||
            !D::reaches(from.plan.group[g].terms, chunk.segment))
          return;
        const Vec scaled = Vec::load(gradients[g] + i) * Vec::broadcast(rates.scale[g]);
        constexpr std::size_t kept = D::moment_count[flat];
        float* moments = view_.moments(flat, chunk.segment, chunk.offset) + i;
        std::array<Vec, UpdateRule::moments.size()> state;
        for (std::size_t m = 0; m < state.size(); ++m) {
          state[m] = m < kept ? Vec::load(moments + m * D::moment_floats(flat)) : Vec::zero();
        }
        theta =
            theta + UpdateRule::change(std::get<flat>(rule), before, scaled, state, chunk.decays);
        for (std::size_t m = 0; m < kept; ++m) state[m].store(moments + m * D::moment_floats(flat));
      });
      theta.store(at);
    }
  }

  void prepack(const Chunk& chunk) {
    const int first = static_cast<int>(chunk.offset - Net::parameters[chunk.parameter].offset);
    medley::prepack(prepacks_, chunk.parameter, first, first + chunk.floats);
  }

  // Running statistics move towards those of the batch.
  void average(const Chunk& chunk, const std::array<TermSet, D::directions>& sets) {
    const Vec momentum = Vec::broadcast(statistics_momentum);
    int d = 0;
    while (!D::reaches_backward(sets[d], chunk.segment)) ++d;
    const float* batch = gradient(chunk, d, 0);
    for (int i = 0; i < chunk.floats; i += lanes) {
      float* at = view_.parameters() + chunk.offset + i;
      const Vec running = Vec::load(at);
      fma(momentum, Vec::load(batch + i) - running, running).store(at);
    }
  }

  Pass<Net> prepacks_ = view_.make_pass(0, 0);  // for layers that prepack; it is not run
};

}  // namespace medley
