// LeNet with trained weights of its losses.
#pragma once

#include "medley/mixes/uncertainty.hpp"
#include "tests/experiments/lenet.hpp"

namespace medley::experiments {

struct lenet_uncertainty : lenet {
  static constexpr std::string_view name = "lenet-uncertainty";
  static constexpr Uncertainty mix{};
};

}  // namespace medley::experiments
