// FairGrad: a bargain, where one can be struck.
#include "medley/mixes/fairgrad.hpp"

#include <cstddef>

#include "medley/mixes/active.hpp"
#include "medley/mixes/bargain.hpp"
#include "medley/mixes/projection.hpp"

namespace medley {
namespace {

constexpr double least_distance = 1e-6;

// Whether zero is a convex combination of the gradients, or of their unit vectors.
bool is_stationary(const ScaledGramian& gramian) {
  ScaledGramian units = gramian;
  for (std::size_t i = 0; i < units.count; ++i) units.norm(i) = 1.0;
  const LeastNorm least = least_norm(units);
  return least.solved && (least.is_zero || least.norm < least_distance);
}

}  // namespace

void FairGrad::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    if (is_stationary(losses.gramian)) {
      step.flag(MixFlag::stationary);
      w.fill(0.0);
      return true;
    }
    SmallVector q = small_vector(0.0);
    for (std::size_t i = 0; i < losses.count; ++i) q(i) = losses.share(i);
    const Bargain found = bargain(losses.gramian, q, alpha);
    if (!found.solved) {
      step.flag(MixFlag::no_solution);
      return false;
    }
    // The Gramian's unit is the largest norm.
    const double unit = real_power(losses.largest_norm, -2.0 * alpha / (1.0 + alpha));
    for (std::size_t i = 0; i < losses.count; ++i) w(i) = unit * found.w(i);
    return true;
  });
}

void Nash::weights(const MixStep& step, std::span<double> out) const {
  FairGrad{.alpha = 1.0}.weights(step, out);
}

}  // namespace medley
