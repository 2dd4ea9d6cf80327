#include "medley/mixes/uw_so.hpp"

#include <cstddef>

#include "medley/mixes/scalarization.hpp"

namespace medley {

void UncertaintySoftOptimal::weights(const MixStep& step, std::span<double> out) const {
  LossNumbers x{};
  for (std::size_t k = 0; k < step.losses(); ++k) {
    x[k] = 1.0 / (temperature * positive_loss(step.values[k]));
  }
  const LossNumbers share = softmax(step.present, x);
  for (std::size_t k = 0; k < step.losses(); ++k) out[k] = step.own[k] * share[k];
}

}  // namespace medley
