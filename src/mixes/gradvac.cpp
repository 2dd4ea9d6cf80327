// Gradient vaccine on coefficients. A step looks at every pair once, so that what it keeps of a pair
// can be changed afterwards.
#include "medley/mixes/gradvac.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "medley/mixes/active.hpp"
#include "medley/mixes/surgery.hpp"

namespace medley {
namespace {

constexpr double largest_cosine = 0.99;

double kept_cosine(const MixStep& step, const ActiveLosses& losses, std::size_t i, std::size_t j) {
  return step.state[0][losses.loss[i] * step.losses() + losses.loss[j]];
}

// The coefficients of g_i', of gradients of length one; see(j, φ) for every other loss.
template <class F>
SmallVector vaccinate(const MixStep& step, const ActiveLosses& losses, std::size_t i, F&& see) {
  ScaledGramian units = losses.gramian;
  for (std::size_t k = 0; k < units.count; ++k) units.norm(k) = 1.0;
  SmallVector y = small_vector(0.0);
  y(i) = losses.gramian.norm(i);
  for (const std::size_t j : RandomOrder(step, losses, i)) {
    const double length = std::sqrt(units.square(y));
    if (!(length > 0.0)) continue;
    const double cosine = std::clamp(units.along(j, y) / length, -1.0, 1.0);
    const double goal = kept_cosine(step, losses, i, j);
    if (cosine < goal) {
      const double sine = std::sqrt(1.0 - cosine * cosine);
      y(j) += length * (goal * sine / std::sqrt(1.0 - goal * goal) - cosine);
    }
    see(j, cosine);
  }
  return y;
}

}  // namespace

void GradVac::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    w.fill(0.0);
    for (std::size_t i = 0; i < losses.count; ++i) {
      const SmallVector y = vaccinate(step, losses, i, [](std::size_t, double) {});
      for (std::size_t k = 0; k < losses.count; ++k) {
        w(k) += losses.share(i) * y(k) / losses.gramian.norm(k);
      }
    }
    return true;
  });
}

void GradVac::update(const MixStep& step) const {
  const ActiveLosses losses(step);
  if (!(losses.largest_norm > 0.0)) return;
  for (std::size_t i = 0; i < losses.count; ++i) {
    vaccinate(step, losses, i, [&](std::size_t j, double cosine) {
      double& kept = step.state[0][losses.loss[i] * step.losses() + losses.loss[j]];
      kept = (1.0 - beta) * kept + beta * cosine;
      if (kept > largest_cosine) step.flag(MixFlag::clamped);
      kept = std::min(kept, largest_cosine);
    });
  }
}

}  // namespace medley
