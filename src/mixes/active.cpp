// Gathering the losses that take part.
#include "medley/mixes/active.hpp"

#include <algorithm>
#include <cmath>

namespace medley {
namespace {

constexpr double least_norm_of_largest = 1e-12;

void scale_to_cosines(const Gramian& g, ActiveLosses& losses) {
  ScaledGramian& scaled = losses.gramian;
  scaled.count = losses.count;
  for (std::size_t i = 0; i < losses.count; ++i) {
    const std::size_t row = losses.loss[i];
    const double norm = std::sqrt(g(row, row));
    scaled.norm(i) = norm / losses.largest_norm;
    scaled.cosine(i, i) = 1.0;
    for (std::size_t j = 0; j < i; ++j) {
      const std::size_t column = losses.loss[j];
      const double cosine = g(row, column) / norm / std::sqrt(g(column, column));
      scaled.cosine(i, j) = scaled.cosine(j, i) = std::clamp(cosine, -1.0, 1.0);
    }
  }
}

}  // namespace

ActiveLosses::ActiveLosses(const MixStep& step) {
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (step.present[k]) largest_norm = std::max(largest_norm, std::sqrt(step.gramian(k, k)));
  }
  double sum = 0.0;
  bool is_flat = false;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    const bool has_gradient = std::sqrt(step.gramian(k, k)) > least_norm_of_largest * largest_norm;
    is_flat = is_flat || !has_gradient;
    if (!has_gradient && largest_norm > 0.0) continue;
    loss[count] = k;
    preference(count) = step.preference[k];
    sum += step.preference[k];
    ++count;
  }
  if (is_flat) step.flag(MixFlag::stationary);
  // Where all present ones take part, the sum is one.
  for (std::size_t i = 0; is_flat && i < count; ++i) preference(i) /= sum;
  if (largest_norm > 0.0) scale_to_cosines(step.gramian, *this);
}

bool ActiveLosses::is_large(const SmallVector& w) const {
  double weight = 0.0, most = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    weight = std::max(weight, std::fabs(w(i)));
    most = std::max(most, preference(i));
  }
  return weight > 1e3 * most;
}

void ActiveLosses::scatter(const SmallVector& w, std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t i = 0; i < count; ++i) out[loss[i]] = w(i);
}

}  // namespace medley
