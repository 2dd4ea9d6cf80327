// DB-MTL: every gradient is made as long as the longest:
//
//   w_k = K p_k · max_j ‖g_j‖ / ‖g_k‖
//
// with the preference p; K p_k is 1 where the losses' own weights are equal. The direction does not
// change where a loss is scaled. It is the method without its mean over the gradients of earlier
// steps (β = 0), which would keep a gradient of the trunk for every loss, and without the logarithm of
// the losses, which is an option of any mix. Nothing is promised of conflicts.
//
// Price: a backward pass of the trunk and a gradient of the trunk in memory for each loss.
//
// Source: Lin et al., "Dual-Balancing for Multi-Task Learning", 2023, arXiv 2308.12029.
// PyTorch: norms = jacobian.norm(dim=1); g = (norms.max() / norms) @ jacobian where p_k = 1/K
#pragma once

#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct DbMtl {
  static constexpr std::string_view type = "db_mtl";
  static constexpr MixNeeds needs{.gramian = true};

  void weights(const MixStep& step, std::span<double> out) const;
};

static_assert(Mix<DbMtl>);

}  // namespace medley
