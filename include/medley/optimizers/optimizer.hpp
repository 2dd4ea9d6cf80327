// What an optimizer is. It turns a gradient into a change of the parameters, 16 at a time; the
// caller walks the parameters, keeps the moments in the arena and adds the change.
//
// To add one: a header here with the update rule first, and its test.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "medley/base/vec.hpp"

namespace medley {

// What an optimizer lacks first; empty: nothing. `moments` names the state arrays, each as large as the parameters (they appear in checkpoints as
// optimizer.<group>.<moment>.<parameter>); with its numbers an optimizer keeps the first
// `kept_moments()` of them, and finds zeros in the others. `at` gives the constants of one step: `step` counts the
// group's updates from 1, `rate` is its learning rate after the schedule. `change` returns Δ for 16
// parameters, updates their moments, and applies weight decay only where `decays` (weights, not
// biases nor normalization parameters). `options` reports the numbers as f(name, value), `valid`
// says whether they are allowed (asked while compiling, as `kept_moments` is).
template <class O>
constexpr std::string_view lacking_in_optimizer() {
  constexpr bool has_type = requires {
    { O::type } -> std::convertible_to<std::string_view>;
  };
  constexpr bool has_rate = requires(const O& optimizer) {
    { optimizer.learning_rate } -> std::convertible_to<double>;
  };
  constexpr bool has_moments = requires(const O& optimizer) {
    { *O::moments.begin() } -> std::convertible_to<std::string_view>;
    { optimizer.kept_moments() } -> std::same_as<std::size_t>;
  };
  constexpr bool has_at = requires(const O& optimizer) {
    { optimizer.at(std::uint64_t{1}, 0.1) } -> std::same_as<typename O::Constants>;
  };
  constexpr bool has_change = requires(const typename O::Constants& constants, Vec v,
                                       std::array<Vec, O::moments.size()>& state) {
    { O::change(constants, v, v, state, true) } -> std::same_as<Vec>;
  };
  constexpr bool has_valid = requires(const O& optimizer) {
    { optimizer.valid() } -> std::same_as<bool>;
  };
  constexpr bool has_options = requires(const O& optimizer) {
    optimizer.options([](std::string_view, double) {});
  };
  if (!has_type) return "type, its name in reports";
  if (!has_rate) return "learning_rate";
  if (!has_moments) return "moments, the names of its state, and kept_moments(), how many it keeps";
  if (!has_at) return "at(step, rate), which returns its Constants";
  if (!has_change) return "change(constants, theta, gradient, state, decays), which returns a Vec";
  if (!has_valid) return "valid(), which returns a bool";
  if (!has_options) return "options(f), its numbers for reports";
  return {};
}

template <class O>
concept Optimizer = lacking_in_optimizer<O>()
.empty();

}  // namespace medley
