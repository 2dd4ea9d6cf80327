// Sums over slots, in an order that does not depend on who computes them.
#pragma once

#include <array>
#include <cstddef>

#include "medley/base/vec.hpp"

namespace medley {

// Sum of get(0) .. get(count - 1) as a tree whose shape depends on count alone; zero of nothing.
template <int Most, class Get>
MEDLEY_INLINE auto tree_sum(int count, Get&& get) {
  using Value = decltype(get(0));
  const auto add = [&](int many) MEDLEY_INLINE_LAMBDA {
    std::array<Value, static_cast<std::size_t>(Most)> sum;
    sum[0] = get(0);
    for (int i = 1; i < many; ++i) sum[i] = get(i);
    for (int width = 1; width < many; width *= 2) {
      for (int i = 0; i + width < many; i += 2 * width) sum[i] = sum[i] + sum[i + width];
    }
    return sum[0];
  };
  if (count == 0) return Value{};
  return count == Most ? add(Most) : add(count);  // the usual case is unrolled
}

}  // namespace medley
