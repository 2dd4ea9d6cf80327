// group all: its mix lacks set(name, value), which returns a bool: see mixes/mix.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Unset {
  static constexpr std::string_view type = "unset", usage = "none";
  constexpr bool valid(int) const { return true; }
};

struct wrong : right {
  static constexpr auto terms = std::tuple{kind, side, decay};
  static constexpr auto steps =
      simultaneous(group<"all", "kind", "side", "decay">(Adam{}).mixed_by(Unset{}));
};

}  // namespace medley::experiments
