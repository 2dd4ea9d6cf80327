// Random orders of the other losses.
#include "medley/mixes/surgery.hpp"

#include <cstdint>
#include <utility>

#include "medley/base/random.hpp"

namespace medley {

RandomOrder::RandomOrder(const MixStep& step, const ActiveLosses& losses, std::size_t i) {
  const std::size_t all = step.losses(), own = losses.loss[i];
  std::array<std::size_t, most_losses> order{}, number{};
  for (std::size_t k = 0; k < all; ++k) {
    order[k] = k;
    number[k] = all;
  }
  for (std::size_t k = 0; k < losses.count; ++k) number[losses.loss[k]] = k;
  for (std::size_t k = 0; k < all; ++k) {
    // The next of a permutation that is drawn as it is walked (Fisher and Yates).
    const std::uint32_t bits = step.random.draw(static_cast<std::uint32_t>(own * all + k))[0];
    std::swap(order[k], order[k + bounded(bits, static_cast<std::uint32_t>(all - k))]);
    if (order[k] != own && number[order[k]] < all) others[count++] = number[order[k]];
  }
}

}  // namespace medley
