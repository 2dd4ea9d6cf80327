// SDMGrad: the least norm among the convex combinations of gradients that are moved by λ g_0.
#include "medley/mixes/sdmgrad.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "medley/mixes/active.hpp"
#include "medley/mixes/projection.hpp"

namespace medley {
namespace {

constexpr double least_square = 1e-14;  // of what it is the difference of; less is rounding

// g_k + λ g_0, whose products are ⟨g_i, g_j⟩ + λ (⟨g_i, g_0⟩ + ⟨g_j, g_0⟩) + λ² ‖g_0‖².
struct Moved {
  ScaledGramian gramian;
  std::size_t zero;  // the first that is zero; the count where none is
};

Moved move(const ScaledGramian& own, const SmallVector& preference, double lambda) {
  const std::size_t count = own.count;
  const double square = lambda * lambda * own.square(preference);
  SmallVector along = small_vector(0.0);
  for (std::size_t i = 0; i < count; ++i) along(i) = lambda * own.along(i, preference);

  Moved moved{{}, count};
  moved.gramian.count = count;
  for (std::size_t i = 0; i < count; ++i) {
    const double product = own(i, i) + 2.0 * along(i) + square;
    if (product > least_square * (own(i, i) + square)) {
      moved.gramian.norm(i) = std::sqrt(product);
    } else if (moved.zero == count) {
      moved.zero = i;
    }
  }
  for (std::size_t i = 0; i < count && moved.zero == count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      const double product = own(i, j) + along(i) + along(j) + square;
      const double norms = moved.gramian.norm(i) * moved.gramian.norm(j);
      moved.gramian.cosine(i, j) = i == j ? 1.0 : std::clamp(product / norms, -1.0, 1.0);
    }
  }
  return moved;
}

// α, or nothing that is solved.
LeastNorm least_of(const Moved& moved) {
  if (moved.zero == moved.gramian.count) return least_norm(moved.gramian);
  LeastNorm least;
  least.w(moved.zero) = 1.0;
  least.is_zero = least.solved = true;
  return least;
}

}  // namespace

void SdmGrad::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    const LeastNorm least = least_of(move(losses.gramian, losses.preference, lambda));
    if (!least.solved) {
      step.flag(MixFlag::no_solution);
      return false;
    }
    if (least.is_zero) step.flag(MixFlag::stationary);
    for (std::size_t i = 0; i < losses.count; ++i) {
      w(i) = (least.w(i) + lambda * losses.preference(i)) / (1.0 + lambda);
    }
    return true;
  });
}

}  // namespace medley
