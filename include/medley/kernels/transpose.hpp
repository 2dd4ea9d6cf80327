// Transposes of small matrices: weights with inputs instead of outputs across lanes.
#pragma once

#include <cstddef>
#include <cstring>

#include "medley/base/vec.hpp"

namespace medley::kernels {

namespace detail {

// Four floats as the compiler knows them, on every machine.
using Four = float __attribute__((vector_size(16)));

MEDLEY_INLINE Four load_four(const float* p) {
  Four v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

MEDLEY_INLINE void transpose_four(const float* from, std::ptrdiff_t from_row, float* to,
                                  std::ptrdiff_t to_row) {
  const Four a = load_four(from), b = load_four(from + from_row);
  const Four c = load_four(from + 2 * from_row), d = load_four(from + 3 * from_row);
  const Four ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5);
  const Four ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const Four bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5);
  const Four bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  const Four column[4] = {__builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5),
                          __builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7),
                          __builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5),
                          __builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7)};
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_row, &column[i], sizeof column[i]);
}

}  // namespace detail

// to[c * to_row + r] = from[r * from_row + c] for r < rows, c < columns.
inline void transpose(int rows, int columns, const float* from, std::ptrdiff_t from_row, float* to,
                      std::ptrdiff_t to_row) {
  const int whole_rows = rows - rows % 4, whole_columns = columns - columns % 4;
  for (int c = 0; c < columns; ++c) {
    const bool by_four = c < whole_columns;
    if (by_four && c % 4 == 0) {
      for (int r = 0; r < whole_rows; r += 4) {
        detail::transpose_four(from + r * from_row + c, from_row, to + c * to_row + r, to_row);
      }
    }
    for (int r = by_four ? whole_rows : 0; r < rows; ++r) {
      to[c * to_row + r] = from[r * from_row + c];
    }
  }
}

}  // namespace medley::kernels
