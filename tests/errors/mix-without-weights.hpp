// the mix lacks weights(own, out), or weights(step, out): see mixes/mix.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Unmixed {
  static constexpr std::string_view type = "unmixed", usage = "none";
  constexpr bool valid(int) const { return true; }
  bool set(std::string_view, double) { return false; }
  template <class F>
  constexpr void options(F&&) const {}
};

struct wrong : right {
  static constexpr Unmixed mix{};
};

}  // namespace medley::experiments
