// DB-MTL: gradients of one length.
#include "medley/mixes/db_mtl.hpp"

#include <cstddef>

#include "medley/mixes/active.hpp"

namespace medley {

void DbMtl::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    for (std::size_t i = 0; i < losses.count; ++i) w(i) = losses.share(i) / losses.gramian.norm(i);
    return true;
  });
}

}  // namespace medley
