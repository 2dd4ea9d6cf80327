#include "medley/mixes/gradnorm.hpp"

#include <algorithm>
#include <cmath>

#include "medley/mixes/scalarization.hpp"

namespace medley {
namespace {

double gradnorm_weight(const MixStep& step, std::size_t k) {
  const double w = step.state[0][k];
  return w > 0.0 ? w : 1.0;
}

double gradnorm_length(const MixStep& step, std::size_t k) { return std::sqrt(step.gramian(k, k)); }

// l_k / l_k(0)
double gradnorm_left(const MixStep& step, std::size_t k) {
  return positive_loss(step.values[k]) / step.state[4][k];
}

// Those that take part, scaled to a sum of their number, none having been below the least.
void normalize_gradnorm_weights(const MixStep& step) {
  constexpr double least = 1e-3;
  const std::span<double> weight = step.state[0];
  double sum = 0.0;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    if (weight[k] <= least) step.flag(MixFlag::clamped);
    sum += weight[k] = std::max(weight[k], least);
  }
  const double scale = static_cast<double>(step.count_present()) / sum;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (step.present[k]) weight[k] *= scale;
  }
}

}  // namespace

void GradNorm::weights(const MixStep& step, std::span<double> out) const {
  for (std::size_t k = 0; k < step.losses(); ++k) out[k] = step.own[k] * gradnorm_weight(step, k);
}

void GradNorm::update(const MixStep& step) const {
  const std::span<double> weight = step.state[0], first_value = step.state[4];
  const auto count = static_cast<double>(step.count_present());
  double length = 0.0, left = 0.0;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    if (first_value[k] == 0.0) first_value[k] = positive_loss(step.values[k]);
    length += gradnorm_weight(step, k) * gradnorm_length(step, k) / count;
    left += gradnorm_left(step, k) / count;
  }
  const LossAdam adam(step, 1);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    const double w = gradnorm_weight(step, k), d = gradnorm_length(step, k);
    const double lag = bounded_exponential(a * natural_log(gradnorm_left(step, k) / left));
    const double excess = w * d - length * lag;
    const double gradient = excess > 0.0 ? d : excess < 0.0 ? -d : 0.0;
    weight[k] = w - rate * adam.descent(k, gradient);
  }
  normalize_gradnorm_weights(step);
}

}  // namespace medley
