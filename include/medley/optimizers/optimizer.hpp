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

// `moments` names the state arrays, each as large as the parameters (they appear in checkpoints as
// optimizer.<group>.<moment>.<parameter>); with its numbers an optimizer keeps the first
// `kept_moments()` of them, and finds zeros in the others. `at` gives the constants of one step: `step` counts the
// group's updates from 1, `rate` is its learning rate after the schedule. `change` returns Δ for 16
// parameters, updates their moments, and applies weight decay only where `decays` (weights, not
// biases nor normalization parameters).
template <class O>
concept Optimizer = requires(const O& optimizer, const typename O::Constants& constants, Vec theta,
                             Vec gradient, std::array<Vec, O::moments.size()>& state) {
  { O::type } -> std::convertible_to<std::string_view>;
  { optimizer.learning_rate } -> std::convertible_to<double>;
  { optimizer.kept_moments() } -> std::same_as<std::size_t>;
  { optimizer.at(std::uint64_t{1}, 0.1) } -> std::same_as<typename O::Constants>;
  { O::change(constants, theta, gradient, state, true) } -> std::same_as<Vec>;
  optimizer.options([](std::string_view, double) {});
};

}  // namespace medley
