// Dual projection: one projection of the mean.
#include "medley/mixes/dual_projection.hpp"

#include <cstddef>

#include "medley/mixes/active.hpp"
#include "medley/mixes/projection.hpp"

namespace medley {

void DualProjection::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    const Projection found = project(losses.gramian, losses.preference, small_vector(0.0));
    if (found.end == ProjectionEnd::unsolved) {
      step.flag(MixFlag::no_solution);
      return false;
    }
    for (std::size_t i = 0; i < losses.count; ++i) w(i) += found.z(i);
    if (losses.is_large(w)) step.flag(MixFlag::large);
    return true;
  });
}

}  // namespace medley
