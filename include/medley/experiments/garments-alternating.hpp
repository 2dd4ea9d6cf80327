// Garments with two optimizers, one for what the labels say and one for the outline, in turn.
#pragma once

#include "medley/experiments/garments.hpp"

namespace medley::experiments {

struct garments_alternating : garments {
  static constexpr std::string_view name = "garments-alternating";
  static constexpr auto steps =
      alternating(group<"labels", "colour", "size", "decay">(Adam{.learning_rate = 3e-3}),
                  group<"outline", "mask">(Adam{.learning_rate = 1e-3}));
};

}  // namespace medley::experiments
