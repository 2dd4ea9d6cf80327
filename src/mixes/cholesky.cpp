// Cholesky's factors, column by column.
#include "medley/mixes/cholesky.hpp"

#include <cmath>

namespace medley {

bool factor_cholesky(SmallMatrix& a, std::size_t count) {
  for (std::size_t j = 0; j < count; ++j) {
    double pivot = a(j, j);
    for (std::size_t k = 0; k < j; ++k) pivot -= a(j, k) * a(j, k);
    if (!(pivot > 0.0)) return false;
    a(j, j) = std::sqrt(pivot);
    for (std::size_t i = j + 1; i < count; ++i) {
      double sum = a(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= a(i, k) * a(j, k);
      a(i, j) = sum / a(j, j);
    }
  }
  return true;
}

void solve_cholesky(const SmallMatrix& l, std::size_t count, SmallVector& x) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < i; ++k) x(i) -= l(i, k) * x(k);
    x(i) /= l(i, i);
  }
  for (std::size_t i = count; i-- > 0;) {
    for (std::size_t k = i + 1; k < count; ++k) x(i) -= l(k, i) * x(k);
    x(i) /= l(i, i);
  }
}

}  // namespace medley
