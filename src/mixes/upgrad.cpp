// UPGrad: one projection a loss.
#include "medley/mixes/upgrad.hpp"

#include <cstddef>

#include "medley/mixes/projection.hpp"

namespace medley {

bool project_each(const MixStep& step, const ActiveLosses& losses, SmallVector& w) {
  for (std::size_t k = 0; k < losses.count; ++k) {
    SmallVector u = small_vector(0.0);
    u(k) = losses.preference(k);
    const Projection found = project(losses.gramian, u, small_vector(0.0));
    if (found.end == ProjectionEnd::unsolved) {
      step.flag(MixFlag::no_solution);
      return false;
    }
    for (std::size_t i = 0; i < losses.count; ++i) w(i) += found.z(i);
  }
  if (losses.is_large(w)) step.flag(MixFlag::large);
  return true;
}

void UpGrad::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    return project_each(step, losses, w);
  });
}

}  // namespace medley
