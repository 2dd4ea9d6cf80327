// The mixes of an experiment's groups at work: what they are told, what they keep, and the weights
// that they answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>

#include "medley/base/exact_math.hpp"
#include "medley/engine/arena_view.hpp"
#include "medley/engine/reports.hpp"

namespace medley {

template <class Experiment>
class Mixing {
  using D = Definition<Experiment>;
  using Ways = typename D::Ways;

 public:
  using Weights = std::array<float, max_terms>;

  // The settings must outlive this.
  Mixing(ArenaView<D> view, const Settings& settings) : view_(view), settings_(&settings) {}

  // Gives all mixes the experiment's numbers.
  void start() { mixes_ = Mixes::make(); }

  // Changes a number of the experiment's mix, or of a group's own: "group.name". False if there is
  // none of the name or the value is not allowed.
  bool set(std::string_view name, double value) {
    bool done = false;
    const std::size_t dot = name.find('.');
    const std::string_view group = name.substr(0, dot == std::string_view::npos ? 0 : dot);
    D::each_group([&](auto g) {
      using GroupType = typename D::template GroupAt<decltype(g)::value>;
      if constexpr (GroupType::has_own_mix) {
        if (GroupType::name == group)
          done = std::get<g>(mixes_).set(name.substr(dot + 1), value) || done;
      } else {
        done = std::get<g>(mixes_).set(name, value) || done;
      }
    });
    return done;
  }

  // A step of one group.
  struct Step {
    int group = 0;
    std::uint64_t number = 0;  // updates of the group before this one
    double rate = 0.0;
    const StepReport* report =
        nullptr;  // values, and which terms were measured; before the pass none
  };

  // Weights of a group's terms before the pass. Gradients that are to be combined come with a weight
  // of one.
  void before_pass(const Step& step, Weights& weight) const {
    D::each_group([&](auto g) {
      if (g != step.group) return;
      const auto& mix = std::get<g>(mixes_);
      Losses<g> losses(*this, step);
      if constexpr (Ways::combines[g]) {
        losses.out.fill(1.0);
      } else if constexpr (ChangingMix<MixAt<g>>) {
        mix.weights(losses.step, losses.out);
      } else {
        mix.weights(std::span<const double>(losses.own), losses.out);
      }
      losses.write(weight);
      for (int k = 0; k < D::term_count; ++k) {
        if ((D::group_terms[g] & D::penalties) >> k & 1u) weight[k] = own(k);
      }
    });
  }

  // Weights of the losses of a group that combines their gradients; product(a, b) gives the Gramian.
  // A loss without a label in the batch, or with next to no gradient beside the others, takes no
  // part; where none takes part, all keep their own weights.
  template <class Product>
  void after_pass(const Step& step, Product&& product, Weights& weight) {
    D::each_group([&](auto g) {
      if constexpr (Ways::combines[g]) {
        if (g != step.group) return;
        constexpr int count = Ways::losses_of(g);
        std::array<double, static_cast<std::size_t>(count) * count> gramian;
        for (int a = 0; a < count; ++a) {
          for (int b = 0; b <= a; ++b)
            gramian[a * count + b] = gramian[b * count + a] = product(a, b);
        }
        Losses<g> losses(*this, step);
        losses.step.gramian = {gramian.data(), count};
        if (losses.keep_those_with_a_gradient()) {
          losses.out.fill(0.0);
          std::get<g>(mixes_).weights(losses.step, losses.out);
          for (int a = 0; a < count; ++a) {
            if (!losses.present[a]) losses.out[a] = 0.0;
          }
        } else {
          losses.out = losses.own;
        }
        losses.write(weight);
        losses.keep(*this);
      }
    });
  }

  // Lets mixes change what they keep, once a step's values are known and finite.
  void finish(const Step& step) {
    D::each_group([&](auto g) {
      if (g != step.group) return;
      if constexpr (UpdatingMix<MixAt<g>>) {
        Losses<g> losses(*this, step);
        std::get<g>(mixes_).update(losses.step);
        losses.keep(*this);
      }
    });
  }

  // Weights for evaluations: those of a mix that is constant; else the terms' own, since what is
  // compared between steps must not change with them.
  Weights constant() const {
    Weights weight{};
    D::each_group([&](auto g) {
      if constexpr (ConstantMix<MixAt<g>>) {
        before_pass({.group = g}, weight);
      } else {
        for (int k = 0; k < D::term_count; ++k) {
          if (D::group_terms[g] >> k & 1u) weight[k] = own(k);
        }
      }
    });
    return weight;
  }

 private:
  template <int G>
  using MixAt = typename Ways::template MixAt<G>;

  float own(int term) const { return static_cast<float>(settings_->weight[term]); }

  // What a mix is told of a group's losses, and where it answers.
  template <int G>
  struct Losses {
    static constexpr std::size_t count = Ways::losses_of(G);
    std::array<double, count> own{}, values{}, out{};
    std::array<Outputs, count> outputs{};
    std::array<bool, count> present{};
    std::array<double, Ways::state_doubles(G)> state{};
    MixStep step{};

    Losses(const Mixing& mixing, const Step& of) {
      for (std::size_t i = 0; i < count; ++i) {
        const int term = Ways::loss_of(G, static_cast<int>(i));
        own[i] = static_cast<double>(mixing.own(term));
        present[i] = of.report == nullptr || of.report->measured[term];
        if (of.report != nullptr) values[i] = of.report->value[term];
      }
      D::each_term([&](auto k) {
        if constexpr (!D::is_penalty[k]) {
          for (std::size_t i = 0; i < count; ++i) {
            if (Ways::loss_of(G, static_cast<int>(i)) == k)
              outputs[i] = D::template TermAt<decltype(k)::value>::Rule::outputs;
          }
        }
      });
      step.own = own;
      step.outputs = outputs;
      step.present = present;
      if (of.report != nullptr) step.values = values;
      step.rate = of.rate;
      step.random = RandomStream(mixing.settings_->seed, Purpose::mix, G, of.number);
      mixing.view_.read_mix_state(G, state);
      std::span<double> rest(state);
      std::size_t i = 0;
      for (const MixState& part : mix_state<MixAt<G>>()) {
        const std::size_t size = part.elements(static_cast<int>(count));
        step.state[i++] = rest.first(size);
        rest = rest.subspan(size);
      }
    }
    Losses(const Losses&) = delete;
    Losses& operator=(const Losses&) = delete;

    // False if none has.
    bool keep_those_with_a_gradient() {
      double largest = 0.0;
      for (std::size_t i = 0; i < count; ++i) {
        if (present[i]) largest = std::max(largest, square_root(step.gramian(i, i)));
      }
      for (std::size_t i = 0; i < count; ++i) {
        present[i] = present[i] && square_root(step.gramian(i, i)) > 1e-12 * largest;
      }
      return largest > 0.0;
    }
    void write(Weights& weight) const {
      for (std::size_t i = 0; i < count; ++i) {
        weight[Ways::loss_of(G, static_cast<int>(i))] = static_cast<float>(out[i]);
      }
    }
    void keep(const Mixing& mixing) const { mixing.view_.write_mix_state(G, state); }
  };

  template <class Sequence>
  struct MixesOf;
  template <int... G>
  struct MixesOf<std::integer_sequence<int, G...>> {
    using type = std::tuple<MixAt<G>...>;
    static constexpr type make() { return type{Ways::template mix_of<G>()...}; }
  };
  using Mixes = MixesOf<std::make_integer_sequence<int, D::group_count>>;

  ArenaView<D> view_;
  const Settings* settings_;
  typename Mixes::type mixes_ = Mixes::make();
};

}  // namespace medley
