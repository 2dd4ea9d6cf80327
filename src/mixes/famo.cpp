#include "medley/mixes/famo.hpp"

#include <algorithm>

#include "medley/mixes/scalarization.hpp"

namespace medley {
namespace {

// D
double famo_distance(double loss) { return std::max(loss, 0.0) + 1e-8; }

LossNumbers famo_shares(const MixStep& step) {
  LossNumbers xi{};
  std::copy(step.state[0].begin(), step.state[0].end(), xi.begin());
  return softmax(step.present, xi);
}

}  // namespace

void Famo::weights(const MixStep& step, std::span<double> out) const {
  const LossNumbers z = famo_shares(step);
  double sum = 0.0;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (step.present[k]) sum += z[k] / famo_distance(step.values[k]);
  }
  for (std::size_t k = 0; k < step.losses(); ++k) {
    out[k] = step.own[k] * (z[k] / famo_distance(step.values[k])) / sum;
  }
}

void Famo::update(const MixStep& step) const {
  const LossNumbers z = famo_shares(step);
  LossNumbers fall{};
  double mean = 0.0;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    fall[k] = natural_log(famo_distance(step.values[k])) -
              natural_log(famo_distance(step.values_after[k]));
    mean += z[k] * fall[k];
  }
  const std::span<double> xi = step.state[0];
  const LossAdam adam(step, 1);
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    xi[k] -= rate * adam.descent(k, z[k] * (fall[k] - mean) + gamma * xi[k]);
  }
}

}  // namespace medley
