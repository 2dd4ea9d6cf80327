// Dynamic weight average: losses that have fallen less from epoch to epoch weigh more,
//
//   w_k = a_k · K · e^(r_k / T) / Σ_j e^(r_j / T),   r_k = L_k(e - 1) / L_k(e - 2)
//
// over the K losses that take part, with the losses' own weights a and L_k(e) the mean of l_k over
// the steps of epoch e in which it took part. r_k = 1 where one of the two epochs has none, as in
// the first two epochs, where w = a. Near the end of a training all r are near 1, and the weights
// near the losses' own.
//
// The weights do not depend on the units of the losses; the direction does. Price: five numbers a
// loss; one backward pass.
//
// Source: Liu, Johns and Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019,
// arXiv 1803.10704.
// PyTorch: w = K * F.softmax(mean[e - 1] / mean[e - 2] / T, 0); (a * w * l).sum().backward()
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct DynamicWeightAverage {
  static constexpr std::string_view type = "dwa";
  // `epoch` counts from 1 and is the last in which the loss took part; `sum` and `steps` are of
  // that one, `last` and `before_last` the means of the two before it, 0 for none.
  static constexpr auto state =
      std::to_array<MixState>({{"epoch"}, {"sum"}, {"steps"}, {"last"}, {"before_last"}});
  static constexpr int least_losses = 2;

  double temperature = 2.0;

  static constexpr auto options = std::to_array<MixOption<DynamicWeightAverage>>(
      {{"T", &DynamicWeightAverage::temperature, 1e-3, 1e6}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;
};

static_assert(Mix<DynamicWeightAverage>);

}  // namespace medley
