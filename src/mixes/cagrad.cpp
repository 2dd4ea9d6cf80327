// CAGrad: bisection of the least gain.
#include "medley/mixes/cagrad.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "medley/mixes/active.hpp"
#include "medley/mixes/projection.hpp"

namespace medley {
namespace {

constexpr int most_bisections = 80;

// What is added to the preference, so that the least gain within the radius is largest.
SmallVector raise_least(const ScaledGramian& gramian, const SmallVector& p, double radius) {
  double low = gramian.along(0, p), high = low + radius * gramian.norm(0);
  for (std::size_t i = 1; i < gramian.count; ++i) {
    const double along = gramian.along(i, p);
    low = std::min(low, along);
    high = std::min(high, along + radius * gramian.norm(i));
  }
  SmallVector z = small_vector(0.0);
  for (int i = 0; i < most_bisections; ++i) {
    const double middle = low + 0.5 * (high - low);
    if (!(middle > low && middle < high)) break;
    const Projection found = project(gramian, p, small_vector(middle));
    if (found.end == ProjectionEnd::solved && std::sqrt(gramian.square(found.z)) <= radius) {
      z = found.z;
      low = middle;
    } else {
      high = middle;
    }
  }
  return z;
}

}  // namespace

void CaGrad::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    const double radius = c * std::sqrt(losses.gramian.square(losses.preference));
    const SmallVector z = raise_least(losses.gramian, losses.preference, radius);
    const double divisor = rescale == 0 ? 1.0 + c * c : 1.0;
    for (std::size_t i = 0; i < losses.count; ++i) w(i) = (w(i) + z(i)) / divisor;
    if (losses.is_large(w)) step.flag(MixFlag::large);
    return true;
  });
}

}  // namespace medley
