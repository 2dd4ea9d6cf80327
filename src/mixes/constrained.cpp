#include "medley/mixes/constrained.hpp"

#include <algorithm>

#include "medley/mixes/scalarization.hpp"

namespace medley {
namespace {

LossMeans constrained_means(const MixStep& step) { return {step.state[1], step.state[2], 0.9}; }

}  // namespace

// e_k; 0 before the loss has a value.
double Constrained::excess(const MixStep& step, std::size_t k) const {
  const LossMeans means = constrained_means(step);
  return means.known(k) ? means.mean(k) / limit[k] - 1.0 : 0.0;
}

void Constrained::weights(const MixStep& step, std::span<double> out) const {
  const std::span<const double> multiplier = step.state[0];
  for (std::size_t k = 0; k < step.losses(); ++k) {
    const bool is_free = limit[k] == no_limit;
    out[k] = step.own[k] *
             (is_free ? 1.0 : std::max(0.0, multiplier[k] + damping * excess(step, k)) / limit[k]);
  }
}

void Constrained::update(const MixStep& step) const {
  const std::span<double> multiplier = step.state[0];
  const LossMeans means = constrained_means(step);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k] || limit[k] == no_limit) continue;
    means.add(k, step.values[k]);
    multiplier[k] += rate * excess(step, k);
    if (multiplier[k] >= largest_multiplier) step.flag(MixFlag::infeasible);
    multiplier[k] = std::clamp(multiplier[k], 0.0, largest_multiplier);
  }
}

}  // namespace medley
