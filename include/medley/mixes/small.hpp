// Vectors and matrices of one number a loss, or a pair of losses: of fixed shape, on the stack. A
// group of fewer losses uses the first rows and columns.
#pragma once

#include <xtensor/xfixed.hpp>

#include "medley/mixes/mix.hpp"

namespace medley {

using SmallVector = xt::xtensor_fixed<double, xt::xshape<most_losses>>;
using SmallMatrix = xt::xtensor_fixed<double, xt::xshape<most_losses, most_losses>>;

}  // namespace medley
