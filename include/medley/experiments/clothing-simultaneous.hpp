// Clothing with an optimizer for each head's loss, both stepping at once.
#pragma once

#include "medley/experiments/clothing.hpp"

namespace medley::experiments {

struct clothing_simultaneous : clothing {
  static constexpr std::string_view name = "clothing-simultaneous";
  static constexpr auto steps =
      simultaneous(group<"categories", "category", "decay">(Adam{.learning_rate = 3e-3}),
                   group<"ages", "kids">(Adam{.learning_rate = 1e-3}));
};

}  // namespace medley::experiments
