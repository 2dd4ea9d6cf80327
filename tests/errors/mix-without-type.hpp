// group labels: its mix lacks type, its name: see mixes/mix.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Nameless {
  void weights(const MixStep&, std::span<double>) const {}
};

struct wrong : right {
  static constexpr Nameless mix{};
};

}  // namespace medley::experiments
