// The mixes of a training's groups at work: what they are told, what they keep, and the weights that
// they answer. All of it is over K losses in double precision, the same for every experiment.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "medley/base/exact_math.hpp"
#include "medley/engine/reports.hpp"
#include "medley/experiment/plan.hpp"
#include "medley/mixes/composition.hpp"

namespace medley {

class Mixing {
 public:
  using Weights = std::array<float, max_terms>;

  // What holds for a training. `state` is where each group's doubles lie in the arena.
  struct Setup {
    const Settings* settings = nullptr;
    StepPlan plan;
    std::array<Outputs, max_terms> outputs{};
    std::array<float*, max_groups> state{};
  };
  void start(const Setup& setup) { setup_ = setup; }

  // A step of one group. The report tells which losses were measured, and from the pass on their
  // values.
  struct Step {
    int group = 0;
    std::uint64_t number = 0;  // updates of the group before this one
    double rate = 0.0;
    std::uint32_t epoch = 0;
    bool shares = true;  // false: the whole trunk is frozen, and losses share no gradient
    StepReport* report = nullptr;
  };

  // How a group takes part in this step.
  Takes takes(const Step& step) const {
    const GroupPlan& plan = setup_.plan.group[step.group];
    const MixChoice& c = choice(step.group);
    if (!plan.can_combine() || !step.shares) return Takes::together;
    const Losses losses(*this, step);
    if (!c.mix.wants_gramian(losses.step)) return Takes::together;
    const bool anywhere = c.with.gradients == Composition::output || keeps_weights(losses, c);
    return anywhere && plan.heads_apart && !c.mix.needs().validation ? Takes::at_output
                                                                     : Takes::apart;
  }

  // Whether the values of the batch have to be known before the pass.
  bool needs_values(const Step& step, Takes takes) const {
    const MixChoice& c = choice(step.group);
    const bool looks = maps(c) || (takes == Takes::together && c.mix.needs().values &&
                                   !without_trunk(Losses(*this, step), c));
    if (takes == Takes::apart || !looks) return false;
    return c.with.values == Composition::batch || !Losses(*this, step).all_seen();
  }
  // Whether the batch's values after the step, or `along`, are asked for.
  bool needs_values_after(int group) const { return choice(group).mix.needs().values_after; }
  bool needs_validation(int group) const { return choice(group).mix.needs().validation; }

  // Weights of a group's terms before the pass, and in heads where losses are apart there. The report
  // has values if they were needed. Gradients that are to be combined come with a weight of one.
  void before_pass(const Step& step, Takes takes, bool has_values, Weights& weight,
                   Weights& in_heads) const {
    const GroupPlan& plan = setup_.plan.group[step.group];
    for (int k = 0; k < max_terms; ++k) {
      if (plan.penalties >> k & 1u) weight[k] = own(k);
    }
    Losses losses(*this, step);
    if (takes == Takes::apart) {
      losses.out.fill(1.0);
    } else if (takes == Takes::at_output) {
      for (std::size_t i = 0; i < losses.count; ++i) losses.out[i] = losses.kept_weight(i);
      if (!has_values) losses.take_last_values();
      weigh_heads(losses, choice(step.group), in_heads);
    } else if (without_trunk(losses, choice(step.group))) {
      if (!has_values) losses.take_last_values();
      losses.out = losses.own;
      weigh_heads(losses, choice(step.group), in_heads);
      for (std::size_t i = 0; i < losses.count; ++i)
        losses.out[i] = static_cast<double>(in_heads[losses.plan.loss[i]]);
    } else {
      if (!has_values && losses.keeps) losses.take_last_values();
      answer(losses, choice(step.group), false);
    }
    losses.write(weight);
  }

  // Weights of the losses of a group that combines their gradients, over the trunk and in the heads;
  // product(a, b) gives the Gramian. A loss without a label in the batch, or with next to no gradient
  // beside the others, takes no part; where none takes part, all keep their own weights.
  template <class Product>
  void after_pass(const Step& step, Product&& product, Weights& weight, Weights& in_heads) const {
    Losses losses(*this, step);
    const MixChoice& c = choice(step.group);
    const bool keeps = keeps_weights(losses, c);
    losses.take(product);
    if (keeps) {
      for (std::size_t i = 0; i < losses.count; ++i) losses.out[i] = losses.kept_weight(i);
      if (c.with.values == Composition::last) losses.take_last_values();
    } else {
      answer(losses, c, true);
    }
    losses.write(weight);
    weigh_heads(losses, c, in_heads);
  }

  // What a step has shown: values in its report, and where they were asked for the Gramian, by
  // product(a, b), the values after it and along(loss).
  template <class Product, class Along>
  void finish(const Step& step, Takes takes, Product&& product, const StepReport& after,
              Along&& along) const {
    Losses losses(*this, step);
    const MixChoice& c = choice(step.group);
    if (!losses.keeps) return;
    const bool rests = takes != Takes::together && keeps_weights(losses, c);
    if (takes != Takes::together) losses.take(product);
    std::array<double, most_losses> values_after{}, products{};
    for (std::size_t i = 0; i < losses.count; ++i) {
      values_after[i] = after.value[losses.plan.loss[i]];
      if (c.mix.needs().validation) products[i] = along(static_cast<int>(i));
    }
    losses.step.values_after = std::span(values_after).first(losses.count);
    losses.step.along = std::span(products).first(losses.count);
    // At the trunk's output the Gramian is known now: the next step has its weights.
    const bool weighs_next =
        takes == Takes::at_output && c.with.gradients == Composition::output && !rests;
    const bool alone = without_trunk(losses, c);  // weights as they were
    if (weighs_next) answer(losses, c, true);
    if (losses.count > 1 && !rests &&
        (takes != Takes::together || !c.mix.needs().gramian || !asks(losses, c)))
      c.mix.update(maps(c) ? Mapped(losses).step : losses.step);
    for (std::size_t i = 0; i < losses.count; ++i) {
      if (!losses.present[i]) continue;
      const int term = losses.plan.loss[i];
      losses.weights()[i] = alone         ? losses.kept_weight(i)
                            : weighs_next ? losses.out[i]
                                          : step.report->weight[term];
      losses.last_values()[i] = step.report->value[term];
      losses.batches()[i] += 1.0;
    }
    losses.keep();
  }

  // Weights for evaluations: those of a mix that is constant; else the terms' own, since what is
  // compared between steps must not change with them.
  Weights constant() const {
    Weights weight{};
    for (int g = 0; g < setup_.plan.groups; ++g) {
      const GroupPlan& plan = setup_.plan.group[g];
      for (int k = 0; k < max_terms; ++k) {
        if (plan.terms >> k & 1u) weight[k] = own(k);
      }
      const MixChoice& c = choice(g);
      if (c.mix.is_constant() && !maps(c)) {
        StepReport all;
        all.measured.fill(true);
        Weights in_heads{};
        before_pass({.group = g, .report = &all}, Takes::together, true, weight, in_heads);
      }
    }
    return weight;
  }

 private:
  static constexpr double tiny = 1e-12;

  static bool maps(const MixChoice& c) { return c.with.map == Composition::logarithm; }

  const MixChoice& choice(int group) const { return setup_.settings->mix[group]; }
  float own(int term) const { return static_cast<float>(setup_.settings->weight[term]); }

  // What a mix is told of a group's losses, and where it answers.
  struct Losses {
    using Numbers = std::array<double, most_losses>;
    const GroupPlan& plan;
    const std::size_t count;
    float* const kept_at;
    const bool keeps;
    Numbers own{}, preference{}, values{}, out{};
    std::array<Outputs, most_losses> outputs{};
    std::array<bool, most_losses> present{};
    std::array<double, static_cast<std::size_t>(most_losses) * most_losses> gramian{};
    // The mix's own state, then the common one.
    std::array<double, most_mix_doubles> state{};
    std::size_t own_doubles = 0;
    double bound;
    const bool shares;
    MixStep step{};

    Losses(const Mixing& mixing, const Step& of)
        : plan(mixing.setup_.plan.group[of.group]),
          count(static_cast<std::size_t>(plan.losses)),
          kept_at(mixing.setup_.state[of.group]),
          keeps(kept_at != nullptr),
          bound(mixing.choice(of.group).with.bound),
          shares(of.shares) {
      const AnyMix& mix = mixing.choice(of.group).mix;
      for (std::size_t i = 0; i < count; ++i) {
        const int term = plan.loss[i];
        own[i] = static_cast<double>(mixing.own(term));
        outputs[i] = mixing.setup_.outputs[term];
        present[i] = of.report->measured[term] && (mix.is_constant() || own[i] > 0.0);
        values[i] = of.report->value[term];
      }
      prefer();
      step.own = std::span(own).first(count);
      step.preference = std::span(preference).first(count);
      step.outputs = std::span(outputs).first(count);
      step.present = std::span(present).first(count);
      step.values = std::span(values).first(count);
      step.rate = of.rate;
      step.number = of.number;
      step.total = mixing.setup_.settings->steps;
      step.epoch = of.epoch;
      step.random = RandomStream(mixing.setup_.settings->seed, Purpose::mix,
                                 static_cast<std::uint32_t>(of.group), of.number);
      step.flags = &of.report->mix_flags[of.group];
      if (!keeps) return;
      std::size_t i = 0;
      for (const MixState& part : mix.states()) {
        const std::size_t size = part.elements(static_cast<int>(count));
        step.state[i++] = std::span(state).subspan(own_doubles, size);
        own_doubles += size;
      }
      std::memcpy(state.data(), kept_at, doubles() * sizeof(double));
    }
    Losses(const Losses&) = delete;
    Losses& operator=(const Losses&) = delete;

    std::size_t doubles() const { return own_doubles + 3 * count; }
    double* weights() { return state.data() + own_doubles; }
    double* last_values() { return weights() + count; }
    const double* batches() const { return state.data() + own_doubles + 2 * count; }
    double* batches() { return weights() + 2 * count; }
    // A weight as it was last used, or the loss's own.
    double kept_weight(std::size_t i) const {
      if (!present[i]) return 0.0;
      return batches()[i] > 0.0 ? state[own_doubles + i] : own[i];
    }
    void keep() const { std::memcpy(kept_at, state.data(), doubles() * sizeof(double)); }

    template <class Product>
    void take(Product&& product) {
      for (std::size_t a = 0; a < count; ++a) {
        for (std::size_t b = 0; b <= a; ++b) {
          gramian[a * count + b] = gramian[b * count + a] =
              product(static_cast<int>(a), static_cast<int>(b));
        }
      }
      step.gramian = {gramian.data(), count};
      keep_those_with_a_gradient();
    }
    // Whether those that take part have all done so before.
    bool all_seen() const {
      bool seen = keeps;
      for (std::size_t i = 0; i < count && seen; ++i) seen = !present[i] || batches()[i] > 0.0;
      return seen;
    }
    void prefer() {
      double sum = 0.0;
      for (std::size_t i = 0; i < count; ++i) sum += present[i] ? own[i] : 0.0;
      for (std::size_t i = 0; i < count; ++i)
        preference[i] = present[i] && sum > 0.0 ? own[i] / sum : 0.0;
    }
    // Those that have been seen; others have this batch's.
    void take_last_values() {
      for (std::size_t i = 0; i < count; ++i) {
        if (batches()[i] > 0.0) values[i] = last_values()[i];
      }
    }
    void keep_those_with_a_gradient() {
      double largest = 0.0;
      for (std::size_t i = 0; i < count; ++i) {
        if (present[i]) largest = std::max(largest, square_root(step.gramian(i, i)));
      }
      for (std::size_t i = 0; i < count; ++i) {
        present[i] = present[i] && square_root(step.gramian(i, i)) > tiny * largest;
      }
      prefer();
    }
    // The map of the losses, log(l - bound + tiny), and its slope.
    double mapped(double value) const { return natural_log(std::max(value - bound + tiny, tiny)); }
    double slope(std::size_t i) const { return 1.0 / std::max(values[i] - bound + tiny, tiny); }
    double sum(const Numbers& w) const {
      double total = 0.0;
      for (std::size_t i = 0; i < count; ++i) total += present[i] ? w[i] : 0.0;
      return total;
    }
    // ‖Σ w_k g_k‖
    double length(const Numbers& w) const {
      double square = 0.0;
      for (std::size_t a = 0; a < count; ++a) {
        for (std::size_t b = 0; b < count; ++b) {
          if (present[a] && present[b]) square += w[a] * w[b] * step.gramian(a, b);
        }
      }
      return square_root(std::max(square, 0.0));
    }
    void write(Weights& weight) const {
      for (std::size_t i = 0; i < count; ++i) weight[plan.loss[i]] = static_cast<float>(out[i]);
    }
  };

  // The losses as their logarithms: values, slopes, Gramian.
  struct Mapped {
    Losses::Numbers values{}, after{}, slope{};
    std::array<double, static_cast<std::size_t>(most_losses) * most_losses> gramian{};
    MixStep step;

    explicit Mapped(const Losses& losses) : step(losses.step) {
      for (std::size_t i = 0; i < losses.count; ++i) {
        slope[i] = losses.present[i] ? losses.slope(i) : 1.0;
        if (!losses.present[i]) continue;
        values[i] = losses.mapped(losses.values[i]);
        if (!step.values_after.empty()) after[i] = losses.mapped(step.values_after[i]);
      }
      for (std::size_t a = 0; a < losses.count; ++a) {
        for (std::size_t b = 0; b < losses.count; ++b) {
          const std::size_t at = a * losses.count + b;
          gramian[at] = slope[a] * slope[b] * losses.gramian[at];
        }
      }
      step.values = std::span(values).first(losses.count);
      step.values_after = std::span(after).first(step.values_after.size());
      step.gramian = {gramian.data(), losses.count};
    }
    Mapped(const Mapped&) = delete;
    Mapped& operator=(const Mapped&) = delete;
  };

  // Whether the weights of a Gramian mix, and what it keeps, stay in this step as they are.
  static bool keeps_weights(const Losses& losses, const MixChoice& c) {
    const auto every = static_cast<std::uint64_t>(c.with.refresh);
    return c.mix.needs().gramian && losses.step.number % every != 0 && losses.all_seen();
  }

  static bool asks(const Losses& losses, const MixChoice& c) {
    return c.mix.wants_gramian(losses.step);
  }

  // Whether a mix wants a Gramian where the trunk is frozen: what it keeps rests, and heads take what
  // they take of it with a trunk.
  static bool without_trunk(const Losses& losses, const MixChoice& c) {
    return !losses.shares && losses.plan.can_combine() && asks(losses, c);
  }

  // Heads take their gradients times one, times the slope of the map, or times the weights.
  static void weigh_heads(const Losses& losses, const MixChoice& c, Weights& in_heads) {
    for (std::size_t i = 0; i < losses.count; ++i) {
      const double slope = maps(c) && losses.present[i] ? losses.slope(i) : 1.0;
      in_heads[losses.plan.loss[i]] =
          static_cast<float>(c.mix.weighs_heads() ? losses.out[i] : slope);
    }
  }

  // The weights of a mix and what goes with it, with the Gramian known or not.
  static void answer(Losses& losses, const MixChoice& c, bool gramian) {
    const bool alone = losses.step.count_present() < 2;
    if (alone && !c.mix.is_constant()) {
      for (std::size_t i = 0; i < losses.count; ++i)
        losses.out[i] = losses.present[i] || losses.step.count_present() == 0
                            ? losses.own[i] * (maps(c) ? losses.slope(i) : 1.0)
                            : 0.0;
      return;
    }
    losses.out.fill(0.0);
    if (maps(c)) {
      const Mapped mapped(losses);
      c.mix.weights(mapped.step, losses.out);
      for (std::size_t i = 0; i < losses.count; ++i) losses.out[i] *= mapped.slope[i];
    } else {
      c.mix.weights(losses.step, losses.out);
    }
    for (std::size_t i = 0; i < losses.count; ++i) {
      if (!losses.present[i] && !c.mix.is_constant()) losses.out[i] = 0.0;
      if (losses.keeps && losses.present[i] && losses.batches()[i] > 0.0) {
        losses.out[i] =
            c.with.smoothing * losses.weights()[i] + (1.0 - c.with.smoothing) * losses.out[i];
      }
    }
    if (c.with.length == Composition::paper) return;
    const double is = gramian ? losses.length(losses.out) : losses.sum(losses.out);
    const bool one = gramian && c.with.length == Composition::unit;
    const double wanted = one ? 1.0 : gramian ? losses.length(losses.own) : losses.sum(losses.own);
    if (!(is > tiny * wanted)) {
      losses.step.flag(MixFlag::short_step);
      return;
    }
    for (std::size_t i = 0; i < losses.count; ++i) losses.out[i] *= wanted / is;
  }

  Setup setup_;
};

}  // namespace medley
