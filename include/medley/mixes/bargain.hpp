// The weights w > 0 at which every loss gains from the common direction what its weight asks for:
//
//   (Gw)_k = q_k w_k^(-1/α),  k = 1..K
//
// for positive q: a maximum of Σ_k q_k log(g_kᵀd) over the directions of a ball at α = 1, and of
// fairness that weighs the smallest gains the more, the larger α is. With y_k = d_k w_k and
// a_k = q_k d_k^(1/α - 1) it is the minimum of a convex function with the gradient Cy - a y^(-1/α),
// which Newton's method finds; its steps end before y = 0 and are halved until the slope along them
// has fallen by half. There is no solution where zero is a convex combination of the gradients.
//
// Python: scipy.optimize.least_squares(lambda w: G @ w - q * w ** (-1 / alpha), start)
#pragma once

#include "medley/mixes/active.hpp"

namespace medley {

struct Bargain {
  SmallVector w = small_vector(0.0);
  bool solved = false;
  int steps = 0;
};

Bargain bargain(const ScaledGramian& gramian, const SmallVector& q, double alpha);

// x^exponent for x > 0, without a library's pow.
double real_power(double x, double exponent);

}  // namespace medley
