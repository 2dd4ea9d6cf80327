// Garments with two optimizers, one for what the labels say and one for the outline, both stepping
// at once.
#pragma once

#include "medley/experiments/garments.hpp"

namespace medley::experiments {

struct garments_simultaneous : garments {
  static constexpr std::string_view name = "garments-simultaneous";
  static constexpr auto steps =
      simultaneous(group<"labels", "colour", "size", "decay">(Adam{.learning_rate = 3e-3}),
                   group<"outline", "mask">(Adam{.learning_rate = 1e-3}));
};

}  // namespace medley::experiments
