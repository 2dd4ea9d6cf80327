// Aligned-MTL: the gradients are made orthogonal and of one length, as near as can be to what they
// are, and then weighted by the preference:
//
//   w = √λ_s · V Λ^(-1/2) Vᵀ p,   G = V Λ Vᵀ
//
// over the eigenvalues above 1e-10 of the largest; p_k = 1/K where the losses' own weights are
// equal. `scale` says which eigenvalue λ_s is: min the smallest of these, median (of an even number
// the lower one), or their mean. With min, g becomes shorter as gradients become parallel, down to
// 1e-5 of their length, and jumps to all of it where a dimension is no longer counted; median and
// mean do not shrink so. Equal gradients give a multiple of them. It hangs on the losses' scales.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; the
// eigenvalues of a K x K matrix.
//
// Source: Senushkin et al., "Independent Component Alignment for Multi-Task Learning", CVPR 2023,
// arXiv 2305.19000.
// PyTorch: torchjd.aggregation.AlignedMTL(pref_vector=p, scale_mode), whose "rmse" is mean here
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct AlignedMtl {
  static constexpr std::string_view type = "aligned_mtl";
  static constexpr MixNeeds needs{.gramian = true};
  static constexpr auto scales = std::to_array<std::string_view>({"min", "median", "mean"});

  int scale = 0;

  static constexpr auto options = std::to_array<MixOption<AlignedMtl>>(
      {{.name = "scale", .choice = &AlignedMtl::scale, .names = scales}});

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<AlignedMtl>);

}  // namespace medley
