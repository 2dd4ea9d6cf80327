// The softmax of sixteen positions, as the losses need it:
//
//   p_c = power[c] / total,   power[c] = e^(x_c - highest),   -log p_c = log(total) - (x_c -
//   highest)
#pragma once

#include <array>

#include "medley/losses/loss.hpp"

namespace medley {

template <int C>
struct Softmax {
  Vec highest;
  std::array<Vec, C> power;
  Vec total;  // 1 to C

  MEDLEY_INLINE Softmax(const LossBlock<C>& block, int p)
      : highest(block.logit(0, p)), total(Vec::zero()) {
    for (int c = 1; c < C; ++c) highest = max(highest, block.logit(c, p));
    for (int c = 0; c < C; ++c) {
      power[c] = exp(block.logit(c, p) - highest);
      total = total + power[c];
    }
  }
};

}  // namespace medley
