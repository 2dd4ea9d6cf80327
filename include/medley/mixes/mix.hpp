// What a mix is: the rule that turns the K terms of a group into one direction. So far every mix is
// a weighted sum: it turns the terms' own weights into the K numbers that multiply values and
// gradients,
//
//   g = Σ_k out_k · ∇l_k,
//
// so that one backward pass serves all terms.
//
// To add one: a header here with the rule first, its test, and the experiment that names it. Rules
// of another nature find their place beside `weights`, each as an optional member that the training
// step asks for with a requires-expression:
//   * trainable or adaptive weights (uncertainty weighting, loss balancing): a `State` of plain
//     numbers that checkpoints keep, and `update(state, values)` after each step; `weights` then
//     also reads the state;
//   * combinations of the terms' gradients (a common descent direction, projection of conflicts):
//     `combine(gradients)`, which asks for one backward pass a term and gives the direction.
#pragma once

#include <concepts>
#include <span>
#include <string_view>

namespace medley {

// What a mix lacks first; empty: nothing. `base` holds the terms' own weights, `is_penalty` says which of them are penalties on parameters;
// `weights` writes the K weights, in the order of the terms. `options` reports the mix's numbers as
// f(name, value); `set` changes one (--mix a=0.3) and returns false, changing nothing, where there
// is none of that name or the value is not allowed, which `usage` describes. `valid` says whether
// the rule can serve a group with so many losses, penalties not counted (asked while compiling).
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
  constexpr bool has_weights = requires(const M& mix, std::span<const float> base,
                                        std::span<const bool> is_penalty, std::span<float> out) {
    mix.weights(base, is_penalty, out);
  };
  if (!has_texts) return "type and usage, its name and its numbers for reports";
  if (!has_valid) return "valid(losses), which returns a bool";
  if (!has_set) return "set(name, value), which returns a bool";
  if (!has_options) return "options(f), its numbers for reports";
  if (!has_weights) return "weights(base, is_penalty, out)";
  return {};
}

template <class M>
concept Mix = lacking_in_mix<M>()
.empty();

}  // namespace medley
