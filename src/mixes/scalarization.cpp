#include "medley/mixes/scalarization.hpp"

#include <cmath>
#include <limits>

namespace medley {

LossNumbers softmax(std::span<const bool> present, const LossNumbers& x) {
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < present.size(); ++k) {
    if (present[k]) most = std::max(most, x[k]);
  }
  LossNumbers share{};
  double sum = 0.0;
  for (std::size_t k = 0; k < present.size(); ++k) {
    if (present[k]) sum += share[k] = bounded_exponential(x[k] - most);
  }
  for (std::size_t k = 0; k < present.size(); ++k) {
    if (present[k]) share[k] /= sum;
  }
  return share;
}

void inverse_losses(const MixStep& step, std::span<double> out) {
  LossNumbers sorted{};
  std::size_t count = 0;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (step.present[k]) sorted[count++] = 1.0 / positive_loss(step.values[k]);
  }
  if (count == 0) return;
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
  const double most = 1e3 * sorted[(count - 1) / 2];
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    double w = 1.0 / positive_loss(step.values[k]);
    if (w > most) {
      w = most;
      step.flag(MixFlag::large);
    }
    out[k] = step.own[k] * w;
  }
}

double LossAdam::descent(std::size_t k, double gradient) const {
  constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  m_[k] = beta1 * m_[k] + (1.0 - beta1) * gradient;
  v_[k] = beta2 * v_[k] + (1.0 - beta2) * gradient * gradient;
  updates_[k] += 1.0;
  const auto updates = static_cast<std::uint64_t>(updates_[k]);
  const double mean = m_[k] / (1.0 - integer_power(beta1, updates));
  const double square = v_[k] / (1.0 - integer_power(beta2, updates));
  return mean / (std::sqrt(square) + epsilon);
}

}  // namespace medley
