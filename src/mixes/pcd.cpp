// Priority-constrained descent: one projection of the main gradient.
#include "medley/mixes/pcd.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "medley/base/exact_math.hpp"
#include "medley/mixes/active.hpp"
#include "medley/mixes/projection.hpp"
#include "medley/mixes/upgrad.hpp"

namespace medley {
namespace {

// The mean of squares as it will be after this step.
double next_mean(const MixStep& step, std::size_t k, double beta) {
  return beta * step.state[0][k] + (1.0 - beta) * step.gramian(k, k);
}

// √v of an active loss, in units of the largest norm.
double usual_norm(const MixStep& step, const ActiveLosses& losses, std::size_t i, double beta) {
  const std::size_t k = losses.loss[i];
  const auto updates = static_cast<std::uint64_t>(step.state[1][k]) + 1;
  const double corrected = next_mean(step, k, beta) / (1.0 - integer_power(beta, updates));
  return std::sqrt(corrected) / losses.largest_norm;
}

// The weights of the direction, scaled to the main gradient's length; false where there is none.
bool follow_main(const MixStep& step, const ActiveLosses& losses, const Pcd& pcd, SmallVector& w) {
  ScaledGramian scaled = losses.gramian;
  SmallVector usual = small_vector(1.0),
              bound = small_vector(-std::numeric_limits<double>::infinity()),
              main = small_vector(0.0);
  main(0) = 1.0;
  for (std::size_t i = 0; i < losses.count; ++i) {
    usual(i) = usual_norm(step, losses, i, pcd.beta);
    scaled.norm(i) /= usual(i);
    if (i > 0) bound(i) = pcd.tau * scaled.norm(i) * scaled.norm(i);
  }
  const Projection found = project(scaled, main, bound);
  if (found.end == ProjectionEnd::unsolved) step.flag(MixFlag::no_solution);
  if (found.end != ProjectionEnd::solved) return false;
  for (std::size_t i = 0; i < losses.count; ++i) w(i) = (main(i) + found.z(i)) / usual(i);
  const double length = std::sqrt(losses.gramian.square(w));
  double sizes = 0.0;
  for (std::size_t i = 0; i < losses.count; ++i) {
    sizes += std::fabs(w(i)) * losses.gramian.norm(i);
  }
  if (!(length > 1e-7 * sizes)) return false;  // rounding
  for (std::size_t i = 0; i < losses.count; ++i) w(i) *= losses.gramian.norm(0) / length;
  return true;
}

}  // namespace

void Pcd::weights(const MixStep& step, std::span<double> out) const {
  bool has_main = step.present[0];
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    has_main = losses.loss[0] == 0;
    if (!has_main) return project_each(step, losses, w);
    if (!follow_main(step, losses, *this, w)) {
      step.flag(MixFlag::infeasible);
      w.fill(0.0);
      w(0) = 1.0;
    }
    if (losses.is_large(w)) step.flag(MixFlag::large);
    return true;
  });
  if (!has_main && step.count_present() > 0) step.flag(MixFlag::no_main);
}

void Pcd::update(const MixStep& step) const {
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    step.state[0][k] = next_mean(step, k, beta);
    step.state[1][k] += 1.0;
  }
}

}  // namespace medley
