// Gradient surgery on coefficients.
#include "medley/mixes/pcgrad.hpp"

#include <cstddef>

#include "medley/mixes/active.hpp"
#include "medley/mixes/surgery.hpp"

namespace medley {

void PcGrad::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    w.fill(0.0);
    for (std::size_t i = 0; i < losses.count; ++i) {
      SmallVector c = small_vector(0.0);
      c(i) = 1.0;
      for (const std::size_t j : RandomOrder(step, losses, i)) {
        const double along = losses.gramian.along(j, c);
        if (along < 0.0) c(j) -= along / losses.gramian(j, j);
      }
      for (std::size_t k = 0; k < losses.count; ++k) w(k) += losses.share(i) * c(k);
    }
    return true;
  });
}

}  // namespace medley
