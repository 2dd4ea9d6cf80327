// What a mix is: the rule that turns the K losses of a group into one direction,
//
//   g = Σ_k w_k · ∇l_k,
//
// by answering K weights in double precision. Penalties are none of its losses: they keep their own
// weights and join afterwards. There are three kinds, each a struct with members that are asked for
// by name:
//
//   constant       weights(own, out)         w from the losses' own weights alone; one backward pass
//                                            serves all losses
//   scalarization  weights(step, out)        w before the pass, from what it keeps; one backward pass.
//                  update(step)              if it has that: after the pass, from the losses' values
//   Gramian mix    needs_gramian = true      w after the pass, from the Gramian of the losses'
//                  weights(step, out)        gradients over the trunk as well; one backward pass of
//                                            the trunk a loss. Heads take the gradients of their own
//                                            terms, times one
//
// What a mix of the last two kinds keeps from step to step, it names in `state`: numbers in double
// precision, zeros at the start, which lie in the arena and are in checkpoints as
// mix.<group>.<name>. `rank` says how many: 1 one a loss, 2 one a pair of losses, 0 a single one.
//
// To add one: a header here with the rule first, its test, and the experiment that names it.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

#include "medley/base/random.hpp"
#include "medley/losses/loss.hpp"

namespace medley {

struct MixState {
  std::string_view name;
  int rank = 1;
  constexpr std::size_t elements(int losses) const {
    std::size_t count = 1;
    for (int i = 0; i < rank; ++i) count *= static_cast<std::size_t>(losses);
    return count;
  }
};
inline constexpr std::size_t max_mix_states = 8;

// The inner products of the losses' gradients, K x K.
class Gramian {
 public:
  constexpr Gramian() = default;
  constexpr Gramian(const double* products, std::size_t losses)
      : products_(products), losses_(losses) {}
  constexpr double operator()(std::size_t i, std::size_t j) const {
    return products_[i * losses_ + j];
  }

 private:
  const double* products_ = nullptr;
  std::size_t losses_ = 0;
};

// What a mix is told of a step. Spans have one element a loss, in the order of the terms.
struct MixStep {
  std::span<const double> own;       // the losses' own weights: the user's preference
  std::span<const Outputs> outputs;  // what the losses take their outputs for
  // Losses that take part: those with a label in the batch, and for a Gramian mix with a gradient.
  // The state of the others rests. Before the pass: all.
  std::span<const bool> present;
  std::span<const double> values{};  // of the batch, before any weight; empty before the pass
  Gramian gramian{};                 // where the mix needs it
  std::array<std::span<double>, max_mix_states> state{};  // in the order of the mix's `state`
  double rate = 0.0;                                      // the group's learning rate in this step
  RandomStream random{0, Purpose::mix, 0, 0};             // of this step and group

  std::size_t losses() const { return own.size(); }
};

template <class M>
concept ConstantMix = requires(const M& mix, std::span<const double> own, std::span<double> out) {
  mix.weights(own, out);
};
template <class M>
concept ChangingMix = requires(const M& mix, const MixStep& step, std::span<double> out) {
  mix.weights(step, out);
};

// Changes what it keeps after a pass.
template <class M>
concept UpdatingMix = requires(const M& mix, const MixStep& step) {
  mix.update(step);
};

template <class M>
constexpr bool needs_gramian() {
  if constexpr (requires { M::needs_gramian; }) return M::needs_gramian;
  return false;
}
template <class M>
constexpr auto mix_state() {
  if constexpr (requires { M::state; }) {
    return M::state;
  } else {
    return std::array<MixState, 0>{};
  }
}
// Doubles that a mix keeps for so many losses.
template <class M>
constexpr std::size_t mix_state_size(int losses) {
  std::size_t count = 0;
  for (const MixState& s : mix_state<M>()) count += s.elements(losses);
  return count;
}

// What a mix lacks first; empty: nothing. `weights` is one of those above. `options` reports the
// mix's numbers as f(name, value); `set` changes one (--mix a=0.3) and returns false, changing
// nothing, where there is none of that name or the value is not allowed, which `usage` describes.
// `valid` says whether the rule can serve a group with so many losses, penalties not counted (asked
// while compiling).
template <class M>
constexpr std::string_view lacking_in_mix() {
  constexpr bool has_texts = requires {
    { M::type } -> std::convertible_to<std::string_view>;
    { M::usage } -> std::convertible_to<std::string_view>;
  };
  constexpr bool has_valid = requires(const M& mix) {
    { mix.valid(2) } -> std::same_as<bool>;
  };
  constexpr bool has_set = requires(M & mix) {
    { mix.set(std::string_view{}, 0.5) } -> std::same_as<bool>;
  };
  constexpr bool has_options = requires(const M& mix) {
    mix.options([](std::string_view, double) {});
  };
  if (!has_texts) return "type and usage, its name and its numbers for reports";
  if (!has_valid) return "valid(losses), which returns a bool";
  if (!has_set) return "set(name, value), which returns a bool";
  if (!has_options) return "options(f), its numbers for reports";
  if (!ConstantMix<M> && !ChangingMix<M>) return "weights(own, out), or weights(step, out)";
  if (ConstantMix<M> && (needs_gramian<M>() || !mix_state<M>().empty()))
    return "weights(step, out), as it needs a Gramian or keeps a state";
  if (mix_state<M>().size() > max_mix_states) return "a shorter state: at most 8 names";
  return {};
}

template <class M>
concept Mix = lacking_in_mix<M>()
.empty();

}  // namespace medley
