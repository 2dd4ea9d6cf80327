// Random loss weighting: weights drawn anew in every step,
//
//   w_k = a_k · e^z_k / Σ_j e^z_j,   z ~ N(0, 1)
//
// with the losses' own weights a; the sum is over the losses that take part. The null control: of a
// mix that is not better than this one, nothing is known to help. A loss keeps its z whether others
// take part or not.
//
// Invariant to nothing. Price: one backward pass.
//
// Source: Lin et al., "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task
// Learning", TMLR 2022, arXiv 2111.10603.
// PyTorch: (a * F.softmax(torch.randn(K), 0) * l).sum().backward()
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct RandomWeights {
  static constexpr std::string_view type = "random";
  static constexpr int least_losses = 2;

  void weights(const MixStep& step, std::span<double> out) const;

  // z_k of a step.
  static double normal(const MixStep& step, std::size_t k);
};

static_assert(Mix<RandomWeights>);

}  // namespace medley
