// Equal angles, by the eigenvalues of the matrix of cosines.
#include "medley/mixes/equal_angles.hpp"

#include <cmath>
#include <cstddef>

#include "medley/mixes/spectrum.hpp"

namespace medley {
namespace {

constexpr double least_of_sizes = 1e-9;

// What x is multiplied by; 0, where nothing makes it a descent.
double factor(const ScaledGramian& gramian, const SmallVector& x, bool is_config) {
  double along = 0.0, sum = 0.0, size = 0.0;
  for (std::size_t i = 0; i < gramian.count; ++i) {
    along += gramian.along(i, x);
    sum += x(i);
    size += std::fabs(x(i));
  }
  const double square = gramian.square(x);
  if (!(along > 0.0) || !(square > 0.0)) return 0.0;
  if (is_config) return along / square;
  return sum > least_of_sizes * size ? 1.0 / sum : 0.0;
}

}  // namespace

SmallVector equal_angles(const ScaledGramian& gramian, const SmallVector& q) {
  SmallVector x = pseudo_solve(spectrum_of(gramian.cosine, gramian.count), q);
  for (std::size_t i = 0; i < gramian.count; ++i) x(i) /= gramian.norm(i);
  return x;
}

void EqualAngles::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    SmallVector q = small_vector(0.0);
    for (std::size_t i = 0; i < losses.count; ++i) q(i) = losses.share(i);
    const SmallVector x = equal_angles(losses.gramian, q);
    const double length = factor(losses.gramian, x, form == 0);
    if (length == 0.0) {
      step.flag(MixFlag::no_descent);
      return false;
    }
    for (std::size_t i = 0; i < losses.count; ++i) w(i) = length * x(i);
    return true;
  });
}

}  // namespace medley
