// layer trunk.1 lacks parameters(shape, layout), an array of Parameter: see layers/layer.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Bare {
  static constexpr std::string_view type = "bare";
  static constexpr Shape output(Shape x) { return x; }
  static constexpr std::string_view refuses(Shape) { return {}; }
};

struct wrong : right {
  using Trunk = Sequence<Conv<16>, Bare>;
};

}  // namespace medley::experiments
