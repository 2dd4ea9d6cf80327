// Blend of the group's first two losses, a between 0 and 1; further losses keep their weights w:
//
//   l = a · w_1 · l_1 + (1 - a) · w_2 · l_2 + Σ_{k>2} w_k · l_k
//
// Invariant to nothing. Price: one backward pass.
// PyTorch: (a * l1 + (1 - a) * l2).backward()
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Blend {
  static constexpr std::string_view type = "blend";
  static constexpr bool is_constant = true;
  static constexpr int least_losses = 2;

  double a = 0.5;  // share of the first loss

  static constexpr auto options = std::to_array<MixOption<Blend>>({{"a", &Blend::a, 0.0, 1.0}});

  void weights(const MixStep& step, std::span<double> out) const {
    for (std::size_t k = 0; k < step.losses(); ++k) {
      out[k] = (k == 0 ? a : k == 1 ? 1.0 - a : 1.0) * step.own[k];
    }
  }
};

static_assert(Mix<Blend>);

}  // namespace medley
