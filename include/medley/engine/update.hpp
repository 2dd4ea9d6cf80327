// What happens to parameters: gradients of slots become one, or the factors that shards left are
// multiplied; optimizers turn gradients into changes. All of it in chunks, which workers share out
// among themselves.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>

#include "medley/engine/arena_view.hpp"
#include "medley/engine/batches.hpp"
#include "medley/engine/workers.hpp"
#include "medley/experiment/initialization.hpp"
#include "medley/kernels/dense.hpp"

namespace medley {

// Sum of get(0) .. get(count - 1) as a tree whose shape depends on count alone; zero of nothing.
template <int Most, class Get>
MEDLEY_INLINE auto tree_sum(int count, Get&& get) {
  using Value = decltype(get(0));
  const auto add = [&](int many) MEDLEY_INLINE_LAMBDA {
    std::array<Value, static_cast<std::size_t>(Most)> sum;
    sum[0] = get(0);
    for (int i = 1; i < many; ++i) sum[i] = get(i);
    for (int width = 1; width < many; width *= 2) {
      for (int i = 0; i + width < many; i += 2 * width) sum[i] = sum[i] + sum[i + width];
    }
    return sum[0];
  };
  if (count == 0) return Value{};
  return count == Most ? add(Most) : add(count);  // the usual case is unrolled
}

template <class Experiment>
class Update {
  using D = Definition<Experiment>;
  using Net = typename D::Net;

  // A range of parameters that one worker handles at once, whole grains; where their gradient is
  // factored, of one block of outputs.
  struct Chunk {
    std::size_t offset = 0, gradient = 0;  // as in PlacedParameter
    int floats = 0;
    int parameter = 0, segment = 0;
    bool decays = false, trainable = true, factored = false;
  };
  static constexpr int chunk_floats = 2048;
  // Calls f(parameter, first float, floats) for all chunks. Those that read the same factor of a
  // gradient follow each other.
  template <class F>
  static constexpr void cut_parameters(F&& f) {
    for (int k = 0; k < Net::parameter_count; ++k) {
      const Parameter& spec = Net::parameters[k].spec;
      const int block = spec.factored ? spec.packing.out : spec.floats;
      const int most = std::max(chunk_floats / spec.grain, 1) * spec.grain;
      for (int from = 0; from < block; from += most) {
        for (int b = 0; b < spec.floats; b += block) f(k, b + from, std::min(most, block - from));
      }
    }
  }
  static constexpr int chunk_count = [] {
    int count = 0;
    cut_parameters([&](int, int, int) { ++count; });
    return count;
  }();
  static constexpr std::array<Chunk, chunk_count> chunks = [] {
    std::array<Chunk, chunk_count> list{};
    int i = 0;
    cut_parameters([&](int k, int from, int floats) {
      const PlacedParameter& p = Net::parameters[k];
      list[i++] = {p.offset + from, p.gradient + from, floats,           k,
                   p.segment,       p.spec.decays,     p.spec.trainable, p.spec.factored};
    });
    return list;
  }();

  // What a chunk adds to the squared norm of each direction's gradient and to each penalty.
  struct alignas(64) Sums {
    std::array<double, D::directions> square{};
    std::array<double, D::term_count> penalty{};
  };

  // Calls f(chunk, its sums) for all chunks, shared out among the workers.
  template <class F>
  void for_each_chunk(Workers& workers, F&& f) {
    workers.parallel_for(chunk_count, [&](int, int i) { f(chunks[i], sums_[i]); });
  }

 public:
  explicit Update(ArenaView<D> view) : view_(view) {}

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
    using type = std::tuple<typename Groups::Rule::Constants...>;
  };
  struct Rates {
    typename ConstantsOf<typename D::Groups>::type rule{};
    std::array<bool, D::group_count> active{};
    std::array<float, D::group_count> scale{};
  };

  // What gradients are made of: terms of each direction, weights of penalties, the slots that were
  // written (none where there are no losses), and the wave whose factors wait.
  struct Sources {
    const std::array<TermSet, D::directions>& sets;
    const std::array<float, max_terms>& weight;
    int slots;
    Wave wave;
  };

  // Multiplies the factors that the shards of a wave left: for all waves of a batch but the last.
  void multiply_factors(Workers& workers, const std::array<TermSet, D::directions>& sets,
                        const Wave& wave) {
    for_each_chunk(workers, [&](const Chunk& chunk, Sums&) {
      for (int d = 0; d < D::directions; ++d) {
        if (D::reaches_backward(sets[d], chunk.segment)) multiply_factors(chunk, d, wave);
      }
    });
  }

  // Makes the gradient of each direction, and where there are rates, applies it to a chunk while
  // that is in cache. What the terms do not reach is left alone.
  void reduce(Workers& workers, const Sources& from, const Rates* rates) {
    TermSet all = 0;
    for (const TermSet set : from.sets) all |= set;
    for_each_chunk(workers, [&](const Chunk& chunk, Sums& sums) {
      if (chunk.trainable) {
        for (int d = 0; d < D::directions; ++d) reduce(chunk, sums, d, from.sets[d], from);
      } else {
        reduce(chunk, sums, 0, all, from);  // statistics come from the one forward pass
      }
      if (rates) apply(chunk, all, *rates);
    });
  }
  // After reduce: value of a penalty, before its weight; norm of a direction's gradient.
  double penalty(int term) const {
    double value = 0;
    for (const Sums& sums : sums_) value += sums.penalty[term];
    return value;
  }
  double group_norm(int direction) const {
    double squares = 0;
    for (const Sums& sums : sums_) squares += sums.square[direction];
    return std::sqrt(squares);
  }

  // Whether all terms and gradients are finite; else the report names the first that is not.
  bool check(StepReport& report) const {
    for (int k = 0; k < D::term_count; ++k) {
      if (std::isfinite(report.value[k])) continue;
      report.diverged = true;
      report.culprit_term = D::term_names[k];
      break;
    }
    for (int d = 0; d < D::directions; ++d) {
      for (int i = 0; i < chunk_count; ++i) {
        if (std::isfinite(sums_[i].square[d])) continue;
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
  void apply(Workers& workers, TermSet terms, const Rates& rates) {
    for_each_chunk(workers, [&](const Chunk& chunk, Sums&) { apply(chunk, terms, rates); });
  }

  // Makes what layers derive from their parameters: weights transposed or transformed.
  void derive(Workers& workers) {
    for_each_chunk(workers, [&](const Chunk& chunk, Sums&) { derive(chunk); });
  }

  // Keeps the gradient of a single term over the trunk, for compare_gradients.
  void collect_term(Workers& workers, int term, int used, const Wave& last) {
    for_each_chunk(workers, [&](const Chunk& chunk, Sums&) {
      if (chunk.segment == 0 && chunk.trainable) collect_term(chunk, term, used, last);
    });
  }
  void compare_gradients(GradientReport& report) const {
    report = {};
    std::array<std::array<double, D::term_count>, D::term_count> dot{};
    for (const Chunk& chunk : chunks) {
      if (chunk.segment != 0 || !chunk.trainable) continue;
      for (int a = 0; a < D::term_count; ++a) {
        for (int b = a; b < D::term_count; ++b) {
          Vec products = Vec::zero();
          for (int i = 0; i < chunk.floats; i += lanes) {
            products = fma(Vec::load(view_.term_gradients(a) + chunk.offset + i),
                           Vec::load(view_.term_gradients(b) + chunk.offset + i), products);
          }
          dot[a][b] += static_cast<double>(sum(products));
        }
      }
    }
    for (int a = 0; a < D::term_count; ++a) {
      report.norm[a] = std::sqrt(dot[a][a]);
      for (int b = a; b < D::term_count; ++b) {
        const double size = std::sqrt(dot[a][a]) * std::sqrt(dot[b][b]);
        report.cosine[a][b] = report.cosine[b][a] = size > 0 ? dot[a][b] / size : 0.0;
      }
    }
  }

  // Value of a penalty with the parameters as they are, before its weight.
  double penalty_value(int term) const {
    double value = 0;
    for (const Chunk& chunk : chunks) {
      if (!chunk.decays) continue;
      Vec total = Vec::zero();
      for (int i = 0; i < chunk.floats; i += lanes) {
        const Vec theta = Vec::load(view_.parameters() + chunk.offset + i);
        D::each_term([&](auto k) {
          if constexpr (D::is_penalty[k]) {
            using Rule = typename D::template TermAt<decltype(k)::value>::Rule;
            if (k == term) total = total + Rule::value(theta);
          }
        });
      }
      value += static_cast<double>(sum(total));
    }
    return value;
  }

 private:
  // Adds to a factored gradient what the wave's shards left, in their order.
  void multiply_factors(const Chunk& chunk, int direction, const Wave& wave) {
    if (!chunk.factored) return;
    const PlacedParameter& p = Net::parameters[chunk.parameter];
    const int first = static_cast<int>(chunk.offset - p.offset) / lanes;
    const int block = first / p.spec.rows(), row = first % p.spec.rows();
    std::array<kernels::Factors, D::slots> shards;
    const int count = static_cast<int>(wave.last - wave.first);
    for (int slot = 0; slot < count; ++slot) {
      const float* inputs = view_.factors(direction, slot) + p.factors;
      shards[slot] = {inputs + row * D::shard, inputs + (p.spec.rows() + block * lanes) * D::shard,
                      slot + 1 < count ? D::shard : wave.last_samples};
    }
    kernels::multiply_factors(chunk.floats / lanes, D::shard, shards.data(), count,
                              view_.gradients(direction, 0) + chunk.gradient, wave.first > 0);
  }

  // Sum over the slots of vector i of a chunk's gradient; a factored one is there once.
  MEDLEY_INLINE Vec summed_gradient(const Chunk& chunk, int direction, int used, int i) const {
    return tree_sum<D::slots>(chunk.factored ? 1 : used, [&](int slot) {
      return Vec::load(view_.gradients(direction, slot) + chunk.gradient + i);
    });
  }

  // The gradient of one direction in one chunk: slots or factors, then penalties; into slot 0.
  void reduce(const Chunk& chunk, Sums& sums, int direction, TermSet terms, const Sources& from) {
    const bool summed = from.slots > 0 && D::reaches_backward(terms, chunk.segment);
    const TermSet penalties = chunk.decays ? terms & D::penalties : 0;
    if (!D::reaches(terms, chunk.segment)) {
      sums.square[direction] = 0;
      return;
    }
    if (summed) multiply_factors(chunk, direction, from.wave);
    float* to = view_.gradients(direction, 0) + chunk.gradient;
    Vec squares = Vec::zero();
    std::array<Vec, D::term_count> penalty;
    penalty.fill(Vec::zero());
    for (int i = 0; i < chunk.floats; i += lanes) {
      Vec g = summed ? summed_gradient(chunk, direction, from.slots, i) : Vec::zero();
      if (penalties != 0) {
        const Vec theta = Vec::load(view_.parameters() + chunk.offset + i);
        D::each_term([&](auto k) {
          if constexpr (D::is_penalty[k]) {
            using Rule = typename D::template TermAt<decltype(k)::value>::Rule;
            if (!(penalties >> k & 1u)) return;
            penalty[k] = penalty[k] + Rule::value(theta);
            g = fma(Vec::broadcast(from.weight[k]), Rule::derivative(theta), g);
          }
        });
      }
      squares = fma(g, g, squares);
      g.store(to + i);
    }
    sums.square[direction] = chunk.trainable ? static_cast<double>(sum(squares)) : 0.0;
    for (int k = 0; k < D::term_count; ++k) {
      if (terms >> k & 1u) sums.penalty[k] = static_cast<double>(sum(penalty[k]));
    }
  }

  // Updates parameters that the terms reach and what is derived from them, and running statistics
  // on the way of their heads.
  void apply(const Chunk& chunk, TermSet terms, const Rates& rates) {
    if (chunk.trainable) {
      if (!D::reaches(terms, chunk.segment)) return;
      change(chunk, rates);
      derive(chunk);
    } else if (D::reaches_backward(terms, chunk.segment)) {
      average(chunk);
    }
  }

  // θ ← θ + Δ_1 + … + Δ_m, every Δ taken at the same θ.
  void change(const Chunk& chunk, const Rates& rates) {
    for (int i = 0; i < chunk.floats; i += lanes) {
      float* at = view_.parameters() + chunk.offset + i;
      const Vec before = Vec::load(at);
      Vec theta = before;
      D::each_group([&](auto group) {
        constexpr int g = decltype(group)::value;
        using Rule = typename D::template GroupAt<g>::Rule;
        constexpr TermSet terms = D::group_terms[g];
        if (!rates.active[g] || !D::reaches(terms, chunk.segment)) return;
        const int d = D::mode == StepMode::alternating ? 0 : g;
        const Vec gradient =
            Vec::load(view_.gradients(d, 0) + chunk.gradient + i) * Vec::broadcast(rates.scale[g]);
        constexpr std::size_t kept = D::moment_count[g];
        float* moments = view_.moments(g, chunk.segment, chunk.offset) + i;
        std::array<Vec, Rule::moments.size()> state;
        for (std::size_t m = 0; m < state.size(); ++m) {
          state[m] = m < kept ? Vec::load(moments + m * D::moment_floats(g)) : Vec::zero();
        }
        theta =
            theta + Rule::change(std::get<g>(rates.rule), before, gradient, state, chunk.decays);
        for (std::size_t m = 0; m < kept; ++m) state[m].store(moments + m * D::moment_floats(g));
      });
      theta.store(at);
    }
  }

  void derive(const Chunk& chunk) {
    const int first = static_cast<int>(chunk.offset - Net::parameters[chunk.parameter].offset);
    medley::derive(derives_, chunk.parameter, first, first + chunk.floats);
  }

  // Running statistics move towards those of the batch.
  void average(const Chunk& chunk) {
    const Vec momentum = Vec::broadcast(statistics_momentum);
    for (int i = 0; i < chunk.floats; i += lanes) {
      float* at = view_.parameters() + chunk.offset + i;
      const Vec running = Vec::load(at);
      fma(momentum, Vec::load(view_.gradients(0, 0) + chunk.gradient + i) - running, running)
          .store(at);
    }
  }

  void collect_term(const Chunk& chunk, int term, int used, const Wave& last) {
    if (!D::is_penalty[term]) multiply_factors(chunk, 0, last);
    float* to = view_.term_gradients(term) + chunk.offset;
    for (int i = 0; i < chunk.floats; i += lanes) {
      Vec g = Vec::zero();
      if (!D::is_penalty[term]) {
        g = summed_gradient(chunk, 0, used, i);
      } else if (chunk.decays) {
        const Vec theta = Vec::load(view_.parameters() + chunk.offset + i);
        D::each_term([&](auto k) {
          if constexpr (D::is_penalty[k]) {
            using Rule = typename D::template TermAt<decltype(k)::value>::Rule;
            if (k == term) g = Rule::derivative(theta);
          }
        });
      }
      g.store(to + i);
    }
  }

  ArenaView<D> view_;
  Pass<Net> derives_ = view_.make_pass(0, 0);  // for layers that derive; it is not run
  std::array<Sums, chunk_count> sums_{};
};

}  // namespace medley
