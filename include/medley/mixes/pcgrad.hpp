// Gradient surgery: of every loss's gradient, what points against another's is taken away, one
// after the other in an order drawn anew for each loss and step, and the results are added:
//
//   g_i' = g_i;  for j ≠ i in random order: if g_i'·g_j < 0:  g_i' ← g_i' - (g_i'·g_j / ‖g_j‖²) g_j
//   g = Σ_i a_i g_i'
//
// with the losses' own weights a_i. All of it is done on coefficients: g_i' = Σ_m c_m g_m, and with
// the Gramian G, g_i'·g_j = (G c)_j. The sum, not the mean: without conflicts it is the weighted
// sum. The direction without conflict for all losses is certain for two of them only. Which parts
// are taken away does not change where a loss is scaled; the length of its own part does.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss.
//
// Source: Yu et al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020, arXiv 2001.06782.
// PyTorch: torchjd.aggregation.PCGrad on the trunk's parameters, with a_i = 1
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "medley/mixes/mix.hpp"

namespace medley {

struct PcGrad {
  static constexpr std::string_view type = "pcgrad";
  static constexpr std::string_view usage = "no numbers of its own; see --weight term=value";
  static constexpr bool needs_gramian = true;
  static constexpr int most_losses = 32;

  constexpr bool valid(int losses) const { return losses >= 1 && losses <= most_losses; }

  template <class F>
  constexpr void options(F&&) const {}

  bool set(std::string_view, double) { return false; }

  void weights(const MixStep& step, std::span<double> out) const {
    const std::size_t losses = step.losses();
    for (double& w : out) w = 0.0;
    for (std::size_t i = 0; i < losses; ++i) {
      if (!step.present[i]) continue;
      const Coefficients c = projected(step, i);
      for (std::size_t k = 0; k < losses; ++k) out[k] += step.own[i] * c[k];
    }
  }

 private:
  using Coefficients = std::array<double, most_losses>;

  // Those of g_i'.
  static Coefficients projected(const MixStep& step, std::size_t i) {
    const std::size_t losses = step.losses();
    std::array<std::size_t, most_losses> order{};
    for (std::size_t k = 0; k < losses; ++k) order[k] = k;
    Coefficients c{};
    c[i] = 1.0;
    for (std::size_t k = 0; k < losses; ++k) {
      // The next of a permutation that is drawn as it is walked (Fisher and Yates).
      const std::uint32_t bits = step.random.draw(static_cast<std::uint32_t>(i * losses + k))[0];
      std::swap(order[k], order[k + bounded(bits, static_cast<std::uint32_t>(losses - k))]);
      const std::size_t j = order[k];
      if (j == i || !step.present[j]) continue;
      double along = 0.0;
      for (std::size_t m = 0; m < losses; ++m) along += c[m] * step.gramian(m, j);
      if (along < 0.0) c[j] -= along / step.gramian(j, j);
    }
    return c;
  }
};

static_assert(Mix<PcGrad>);

}  // namespace medley
