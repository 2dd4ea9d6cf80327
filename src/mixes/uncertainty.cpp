#include "medley/mixes/uncertainty.hpp"

#include <algorithm>
#include <cmath>

#include "medley/base/exact_math.hpp"
#include "medley/mixes/scalarization.hpp"

namespace medley {

// h_k · e^-s_k
double Uncertainty::precision(const MixStep& step, std::size_t k) const {
  const Outputs outputs = step.outputs[k];
  const bool classes = outputs == Outputs::sigmoid || outputs == Outputs::softmax;
  return (form == kendall && classes ? 1.0 : 0.5) * exponential(-step.state[0][k]);
}

void Uncertainty::weights(const MixStep& step, std::span<double> out) const {
  for (std::size_t k = 0; k < step.losses(); ++k) out[k] = step.own[k] * precision(step, k);
}

void Uncertainty::update(const MixStep& step) const {
  constexpr double largest = 10.0;
  const std::span<double> s = step.state[0];
  const LossAdam adam(step, 1);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    const double slope = form == kendall ? 0.5 : 1.0 / (1.0 + exponential(-s[k]));
    const double gradient = slope - precision(step, k) * step.values[k];
    s[k] -= step.rate * rate * adam.descent(k, gradient);
    if (std::fabs(s[k]) >= largest) step.flag(MixFlag::clamped);
    s[k] = std::clamp(s[k], -largest, largest);
  }
}

}  // namespace medley
