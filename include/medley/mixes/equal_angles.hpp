// Equal angles: the direction that has the same cosine with every gradient, or cosines in the
// proportions of the preference:
//
//   x = D⁻¹ C⁺ q,   w = x · (1ᵀGx) / (xᵀGx)  (form=config)   or   w = x / Σ_k x_k  (form=imtl)
//
// with D the gradients' norms, C their cosines, C⁺ a pseudo-inverse and q_k = K p_k, which is 1
// where the losses' own weights are equal. The forms differ in the length of g alone: of ConFIG it is
// the sum of the gradients' projections onto g; of IMTL-G the weights have sum 1. The direction does
// not change where a loss is scaled, and no loss rises along it while gradients are linearly
// independent. Where C⁺q is uphill for their sum, or IMTL's Σ_k x_k would turn it around, which needs
// three losses, MixFlag::no_descent is raised and w = p. Weights may be negative.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss; the
// eigenvalues of a K x K matrix.
//
// Source: Liu et al., "Towards Impartial Multi-task Learning", ICLR 2021 (IMTL-G); Liu, Chu and
// Thuerey, "ConFIG: Towards Conflict-free Training of Physics Informed Neural Networks", ICLR 2025,
// arXiv 2408.11104.
// PyTorch: torchjd.aggregation.ConFIG(pref_vector=q), torchjd.aggregation.IMTLG(); the latter climbs
// where Σ_k x_k < 0
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/active.hpp"
#include "medley/mixes/mix.hpp"

namespace medley {

struct EqualAngles {
  static constexpr std::string_view type = "equal_angles";
  static constexpr MixNeeds needs{.gramian = true};
  static constexpr auto forms = std::to_array<std::string_view>({"config", "imtl"});

  int form = 0;

  static constexpr auto options = std::to_array<MixOption<EqualAngles>>(
      {{.name = "form", .choice = &EqualAngles::form, .names = forms}});

  void weights(const MixStep& step, std::span<double> out) const;
};

// x = D⁻¹ C⁺ q
SmallVector equal_angles(const ScaledGramian& gramian, const SmallVector& q);

static_assert(Mix<EqualAngles>);

}  // namespace medley
