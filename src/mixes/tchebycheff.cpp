#include "medley/mixes/tchebycheff.hpp"

#include "medley/mixes/scalarization.hpp"

namespace medley {

// n_k
double Tchebycheff::nadir(const MixStep& step, std::size_t k) const {
  if (warm_up == 0.0) return 1.0;
  const double steps = step.state[2][k];
  return positive_loss(steps > 0.0 ? step.state[1][k] / steps : step.values[k]);
}

void Tchebycheff::weights(const MixStep& step, std::span<double> out) const {
  if (warming(step)) return inverse_losses(step, out);
  const auto count = static_cast<double>(step.count_present());
  LossNumbers x{};
  for (std::size_t k = 0; k < step.losses(); ++k) {
    const double f = scale == values
                         ? step.values[k]
                         : natural_log(positive_loss(step.values[k])) - natural_log(nadir(step, k));
    x[k] = count * step.preference[k] * f / mu;
  }
  const LossNumbers share = softmax(step.present, x);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    const double slope = scale == values ? 1.0 : 1.0 / positive_loss(step.values[k]);
    out[k] = count * step.preference[k] * share[k] * slope;
  }
}

void Tchebycheff::update(const MixStep& step) const {
  const auto [epoch, sum, steps] = std::array{step.state[0], step.state[1], step.state[2]};
  if (scale == values || warm_up == 0.0) return;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k] || (!warming(step) && steps[k] > 0.0)) continue;
    const double now = step.epoch + 1.0;
    if (epoch[k] != now) {
      epoch[k] = now;
      sum[k] = steps[k] = 0.0;
    }
    sum[k] += step.values[k];
    steps[k] += 1.0;
  }
}

}  // namespace medley
