// group labels: its mix lacks weights(step, out): see mixes/mix.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Unmixed {
  static constexpr std::string_view type = "unmixed";
};

struct wrong : right {
  static constexpr Unmixed mix{};
};

}  // namespace medley::experiments
