// What changes each loss's gradient by the others', one after the other in an order drawn anew for
// each loss and step.
#pragma once

#include <array>
#include <cstddef>

#include "medley/mixes/active.hpp"

namespace medley {

// The other active losses in the order of loss i, by their numbers among the active ones. A loss
// that takes no part is passed over in a permutation of all, so that the order of the others does
// not change.
struct RandomOrder {
  RandomOrder(const MixStep& step, const ActiveLosses& losses, std::size_t i);

  std::size_t count = 0;
  std::array<std::size_t, most_losses> others{};

  const std::size_t* begin() const { return others.data(); }
  const std::size_t* end() const { return others.data() + count; }
};

}  // namespace medley
