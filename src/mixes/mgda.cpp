// MGDA: the least norm among the convex combinations of scaled gradients.
#include "medley/mixes/mgda.hpp"

#include <algorithm>
#include <cstddef>

#include "medley/mixes/active.hpp"
#include "medley/mixes/projection.hpp"

namespace medley {
namespace {

constexpr double least_value_of_largest = 1e-8;

// γ, in units of the losses as they are.
SmallVector scales(const MixStep& step, const ActiveLosses& losses, bool by_norm, bool by_value) {
  double largest = 0.0;
  for (std::size_t i = 0; by_value && i < losses.count; ++i) {
    largest = std::max(largest, step.values[losses.loss[i]]);
  }
  SmallVector gamma = small_vector(1.0);
  for (std::size_t i = 0; i < losses.count; ++i) {
    if (by_norm) gamma(i) *= losses.gramian.norm(i) * losses.largest_norm;
    if (largest > 0.0) {
      gamma(i) *= std::max(step.values[losses.loss[i]], least_value_of_largest * largest);
    }
  }
  return gamma;
}

}  // namespace

void Mgda::weights(const MixStep& step, std::span<double> out) const {
  const bool by_norm = normalize == 1 || normalize == 3, by_value = normalize >= 2;
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    const SmallVector gamma = scales(step, losses, by_norm, by_value);
    ScaledGramian scaled = losses.gramian;
    double largest = 0.0;
    for (std::size_t i = 0; i < losses.count; ++i) {
      scaled.norm(i) /= gamma(i);
      largest = std::max(largest, scaled.norm(i));
    }
    for (std::size_t i = 0; i < losses.count; ++i) scaled.norm(i) /= largest;
    const LeastNorm least = least_norm(scaled);
    if (!least.solved) {
      step.flag(MixFlag::no_solution);
      return false;
    }
    if (least.is_zero) step.flag(MixFlag::stationary);
    for (std::size_t i = 0; i < losses.count; ++i) w(i) = least.w(i) / gamma(i);
    return true;
  });
}

}  // namespace medley
