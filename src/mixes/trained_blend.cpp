#include "medley/mixes/trained_blend.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "medley/mixes/scalarization.hpp"

namespace medley {
namespace {

LossMeans blended_means(const MixStep& step) { return {step.state[0], step.state[1], 0.9}; }

}  // namespace

void TrainedBlend::weights(const MixStep& step, std::span<double> out) const {
  const LossMeans means = blended_means(step);
  const auto count = static_cast<double>(step.count_present());
  double least = std::numeric_limits<double>::infinity(), sum = 0.0;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    least = std::min(least, step.values[k]);
    sum += means.known(k) ? means.mean(k) : step.values[k];
  }
  const double tau = std::max(barrier * sum / count, 1e-12);

  // p_k = 1 / (x + (l_k - min l) / τ), where x = (ν + min l) / τ is between 1 and K.
  const auto total = [&](double x) {
    double p = 0.0;
    for (std::size_t k = 0; k < step.losses(); ++k) {
      if (step.present[k]) p += 1.0 / (x + (step.values[k] - least) / tau);
    }
    return p;
  };
  double low = 1.0, high = count;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (total(middle) > 1.0 ? low : high) = middle;
  }
  const double scale = count / total(high);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    out[k] = step.own[k] * scale / (high + (step.values[k] - least) / tau);
  }
}

void TrainedBlend::update(const MixStep& step) const {
  const LossMeans means = blended_means(step);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (step.present[k]) means.add(k, step.values[k]);
  }
}

}  // namespace medley
