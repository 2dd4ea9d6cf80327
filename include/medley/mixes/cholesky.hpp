// Cholesky's factors A = LLᵀ of a symmetric positive definite matrix, and what they solve. Of a
// matrix, the first `count` rows and columns are looked at, and of those the lower triangle.
#pragma once

#include <cstddef>

#include "medley/mixes/small.hpp"

namespace medley {

// Writes L over A's lower triangle; false, where A is not positive definite.
bool factor_cholesky(SmallMatrix& a, std::size_t count);

// Solves LLᵀx = b; x takes the place of b.
void solve_cholesky(const SmallMatrix& l, std::size_t count, SmallVector& x);

}  // namespace medley
