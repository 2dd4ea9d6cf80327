#include "medley/mixes/auto_lambda.hpp"

#include <cstddef>

#include "medley/mixes/scalarization.hpp"

namespace medley {

void AutoLambda::weights(const MixStep& step, std::span<double> out) const {
  for (std::size_t k = 0; k < step.losses(); ++k) {
    out[k] = step.own[k] * (initial + step.state[0][k]);
  }
}

void AutoLambda::update(const MixStep& step) const {
  const std::span<double> change = step.state[0];
  const LossAdam adam(step, 1);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    change[k] -= rate * adam.descent(k, -step.rate * step.along[k]);
    if (change[k] <= -initial) {
      change[k] = -initial;
      step.flag(MixFlag::clamped);
    }
  }
}

}  // namespace medley
