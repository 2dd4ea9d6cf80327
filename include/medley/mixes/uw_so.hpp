// Soft optimal uncertainty weighting: the weights that uncertainty weighting tends to, 1 / l,
// through a softmax with the temperature T:
//
//   w_k = a_k · e^(1 / (T l_k)) / Σ_j e^(1 / (T l_j))
//
// with the losses' own weights a. The sum is over the losses that take part, so that without own
// weights Σ w = 1. Where a loss is small beside T it takes all. Invariant to nothing: T has the
// unit of 1 / l.
//
// Price: one backward pass, for which the losses' values are needed first.
//
// Source: Kirchdorfer et al., "Analytical Uncertainty-Based Loss Weighting in Multi-Task Learning",
// 2024, arXiv 2408.07985.
// PyTorch: w = F.softmax(1 / l.detach() / T, 0); (a * w * l).sum().backward()
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct UncertaintySoftOptimal {
  static constexpr std::string_view type = "uw_so";
  static constexpr MixNeeds needs{.values = true};
  static constexpr int least_losses = 2;

  double temperature = 1.0;

  static constexpr auto options = std::to_array<MixOption<UncertaintySoftOptimal>>(
      {{"T", &UncertaintySoftOptimal::temperature, 1e-3, 1e6}});

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<UncertaintySoftOptimal>);

}  // namespace medley
