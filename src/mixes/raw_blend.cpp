#include "medley/mixes/raw_blend.hpp"

#include <algorithm>
#include <cstddef>

#include "medley/mixes/scalarization.hpp"

namespace medley {
namespace {

LossNumbers raw_shares(const MixStep& step) {
  LossNumbers theta{};
  std::copy(step.state[0].begin(), step.state[0].end(), theta.begin());
  return softmax(step.present, theta);
}

}  // namespace

void RawBlend::weights(const MixStep& step, std::span<double> out) const {
  const LossNumbers p = raw_shares(step);
  const auto count = static_cast<double>(step.count_present());
  for (std::size_t k = 0; k < step.losses(); ++k) out[k] = step.own[k] * count * p[k];
}

void RawBlend::update(const MixStep& step) const {
  const LossNumbers p = raw_shares(step);
  const auto count = static_cast<double>(step.count_present());
  double mixed = 0.0;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (step.present[k]) mixed += p[k] * step.own[k] * step.values[k];
  }
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    const double gradient = count * p[k] * (step.own[k] * step.values[k] - mixed);
    step.state[0][k] -= step.rate * rate * gradient;
  }
}

}  // namespace medley
