#include "medley/mixes/random_weights.hpp"

#include <cstdint>

#include "medley/base/exact_math.hpp"
#include "medley/mixes/scalarization.hpp"

namespace medley {

double RandomWeights::normal(const MixStep& step, std::size_t k) {
  const std::uint32_t bits = step.random.draw(static_cast<std::uint32_t>(k))[0];
  return normal_quantile((bits + 0.5) * 0x1p-32);
}

void RandomWeights::weights(const MixStep& step, std::span<double> out) const {
  LossNumbers z{};
  for (std::size_t k = 0; k < step.losses(); ++k) z[k] = normal(step, k);
  const LossNumbers share = softmax(step.present, z);
  for (std::size_t k = 0; k < step.losses(); ++k) out[k] = step.own[k] * share[k];
}

}  // namespace medley
