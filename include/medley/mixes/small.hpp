// Vectors and matrices of one number a loss, or a pair of losses: of fixed shape, on the stack. A
// group of fewer losses uses the first rows and columns.
#pragma once

#include <xtensor/xfixed.hpp>

#include "medley/mixes/mix.hpp"

namespace medley {

using SmallVector = xt::xtensor_fixed<double, xt::xshape<most_losses>>;
using SmallMatrix = xt::xtensor_fixed<double, xt::xshape<most_losses, most_losses>>;

// All of one number; a shape of its own is what the constructors want.
inline SmallVector small_vector(double value) {
  SmallVector v;
  v.fill(value);
  return v;
}
inline SmallMatrix small_matrix(double value) {
  SmallMatrix m;
  m.fill(value);
  return m;
}

}  // namespace medley
