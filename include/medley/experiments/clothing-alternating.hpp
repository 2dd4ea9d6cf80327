// Clothing with an optimizer for each head's loss, in turn.
#pragma once

#include "medley/experiments/clothing.hpp"

namespace medley::experiments {

struct clothing_alternating : clothing {
  static constexpr std::string_view name = "clothing-alternating";
  static constexpr auto steps =
      alternating(group<"categories", "category", "decay">(Adam{.learning_rate = 3e-3}),
                  group<"ages", "kids">(Adam{.learning_rate = 1e-3}));
};

}  // namespace medley::experiments
