#include "medley/mixes/geometric.hpp"

#include <cstddef>

#include "medley/mixes/scalarization.hpp"

namespace medley {

void Geometric::weights(const MixStep& step, std::span<double> out) const {
  double sum = 0.0, own = 0.0;
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    sum += step.preference[k] * natural_log(positive_loss(step.values[k]));
    own += step.own[k];
  }
  const double mean = bounded_exponential(sum);
  inverse_losses(step, out);
  for (double& w : out) w *= mean / own;
}

}  // namespace medley
