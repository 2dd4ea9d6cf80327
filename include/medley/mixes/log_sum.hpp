// Sum of logarithms, which is to scale each loss to its own size:
//
//   Σ_k a_k · log(l_k + 1e-12),   w_k = a_k / (l_k + 1e-12)
//
// with the losses' own weights a. A weight is at most a thousand times the median of the others,
// own weights aside, so that a loss that is all but 0 does not take the step for itself. Below
// that, to scale a loss changes nothing. Losses are taken to begin at 0.
//
// Price: one backward pass, for which the losses' values are needed first.
//
// PyTorch: (a * torch.log(l)).sum().backward()
#pragma once

#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"
#include "medley/mixes/scalarization.hpp"

namespace medley {

struct LogSum {
  static constexpr std::string_view type = "log_sum";
  static constexpr MixNeeds needs{.values = true};

  void weights(const MixStep& step, std::span<double> out) const { inverse_losses(step, out); }
};

static_assert(Mix<LogSum>);

}  // namespace medley
