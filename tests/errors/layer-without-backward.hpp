// layer trunk.3.main.1 lacks backward(io): see layers/layer.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Halve : LayerDefaults {
  static constexpr std::string_view type = "halve";
  template <class Io>
  static void forward(const Io&) {}
};

struct wrong : right {
  using Trunk = Sequence<Conv<16>, Relu, MaxPool<2>, Residual<Sequence<Conv<16>, Halve>>>;
};

}  // namespace medley::experiments
