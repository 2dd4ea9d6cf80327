#include "medley/mixes/dwa.hpp"

#include "medley/mixes/scalarization.hpp"

namespace medley {
namespace {

// Means of the two epochs before the one of the step; the older is of use beside the younger alone.
struct EpochMeans {
  double last = 0.0, before_last = 0.0;

  EpochMeans(const MixStep& step, std::size_t k) {
    const auto [epoch, sum, steps, kept_last, kept_before] = std::array{
        step.state[0][k], step.state[1][k], step.state[2][k], step.state[3][k], step.state[4][k]};
    const double gap = step.epoch + 1.0 - epoch;
    if (gap == 0.0) {
      last = kept_last;
      before_last = kept_before;
    } else if (gap == 1.0 && epoch > 0.0) {
      last = sum / steps;
      before_last = kept_last;
    }
  }
  double ratio() const { return last > 0.0 && before_last > 0.0 ? last / before_last : 1.0; }
};

}  // namespace

void DynamicWeightAverage::weights(const MixStep& step, std::span<double> out) const {
  LossNumbers x{};
  for (std::size_t k = 0; k < step.losses(); ++k) x[k] = EpochMeans(step, k).ratio() / temperature;
  const LossNumbers share = softmax(step.present, x);
  const auto count = static_cast<double>(step.count_present());
  for (std::size_t k = 0; k < step.losses(); ++k) out[k] = step.own[k] * count * share[k];
}

void DynamicWeightAverage::update(const MixStep& step) const {
  const auto [epoch, sum, steps, last, before_last] =
      std::array{step.state[0], step.state[1], step.state[2], step.state[3], step.state[4]};
  for (std::size_t k = 0; k < step.losses(); ++k) {
    if (!step.present[k]) continue;
    const double now = step.epoch + 1.0;
    if (epoch[k] != now) {
      const EpochMeans means(step, k);
      last[k] = means.last;
      before_last[k] = means.before_last;
      epoch[k] = now;
      sum[k] = steps[k] = 0.0;
    }
    sum[k] += step.values[k];
    steps[k] += 1.0;
  }
}

}  // namespace medley
