#include "medley/mixes/probe.hpp"

#include <cmath>

#include "medley/mixes/scalarization.hpp"

namespace medley {
namespace {

LossMeans probed_lengths(const MixStep& step) { return {step.state[0], step.state[1], 0.9}; }

}  // namespace

bool Probe::wants_gramian(const MixStep& step) const {
  if (probing(step)) return true;
  const LossMeans lengths = probed_lengths(step);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (step.present[k] && !lengths.known(k)) return true;
  }
  return false;
}

void Probe::weights(const MixStep& step, std::span<double> out) const {
  const LossMeans lengths = probed_lengths(step);
  double sum = 0.0, count = 0.0;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k] || !lengths.known(k)) continue;
    sum += 1.0 / lengths.mean(k);
    count += 1.0;
  }
  for (std::size_t k = 0; k < step.losses(); ++k) {
    const bool measured = !probing(step) && step.present[k] && lengths.known(k);
    out[k] = step.own[k] * (measured ? count / lengths.mean(k) / sum : 1.0);
  }
}

void Probe::update(const MixStep& step) const {
  const LossMeans lengths = probed_lengths(step);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k] || (!probing(step) && lengths.known(k))) continue;
    const double length = std::sqrt(step.gramian(k, k));
    if (length > 0.0) lengths.add(k, length);
  }
}

}  // namespace medley
