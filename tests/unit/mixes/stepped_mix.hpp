// A mix with what the engine would keep for it and tell it, step by step.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "medley/mixes/mix.hpp"

namespace medley {

template <class M>
struct SteppedMix {
  M mix{};
  std::size_t losses;
  std::vector<double> own, values, after, along, gramian, preference;
  std::vector<Outputs> outputs;
  std::array<bool, most_losses> present{};
  std::vector<std::vector<double>> kept;  // in the order of M::state
  double rate = 0.05;
  std::uint64_t number = 0, total = 100;
  std::uint32_t epoch = 0;
  MixFlags flags = 0;

  explicit SteppedMix(std::vector<double> first_values, M rule = {})
      : mix(rule),
        losses(first_values.size()),
        own(losses, 1.0),
        values(std::move(first_values)),
        after(values),
        along(losses),
        preference(losses),
        outputs(losses, Outputs::values) {
    for (std::size_t k = 0; k < losses; ++k) present[k] = true;
    for (const MixState& s : mix_state<M>()) {
      kept.emplace_back(s.elements(static_cast<int>(losses)), 0.0);
    }
  }

  MixStep step() {
    MixStep s;
    double sum = 0.0;
    for (std::size_t k = 0; k < losses; ++k) sum += present[k] ? own[k] : 0.0;
    for (std::size_t k = 0; k < losses; ++k) preference[k] = present[k] ? own[k] / sum : 0.0;
    s.own = own;
    s.preference = preference;
    s.outputs = outputs;
    s.present = std::span<const bool>(present).first(losses);
    s.values = values;
    s.values_after = after;
    s.along = along;
    if (!gramian.empty()) s.gramian = {gramian.data(), losses};
    for (std::size_t i = 0; i < kept.size(); ++i) s.state[i] = kept[i];
    s.rate = rate;
    s.number = number;
    s.total = total;
    s.epoch = epoch;
    s.random = RandomStream(7, Purpose::mix, 0, number);
    s.flags = &flags;
    return s;
  }
  std::vector<double> weights() {
    std::vector<double> out(losses);
    mix.weights(step(), out);
    return out;
  }
  void update() {
    if constexpr (UpdatingMix<M>) mix.update(step());
    ++number;
  }
  // With these lengths of gradients, at right angles to each other.
  void set_lengths(const std::vector<double>& lengths) {
    gramian.assign(losses * losses, 0.0);
    for (std::size_t k = 0; k < losses; ++k) gramian[k * losses + k] = lengths[k] * lengths[k];
  }
  bool flagged(MixFlag flag) const { return (flags >> static_cast<int>(flag) & 1u) != 0; }
};

inline double relative_difference(double a, double b) {
  return std::fabs(a - b) / std::max({std::fabs(a), std::fabs(b), 1e-300});
}

}  // namespace medley
