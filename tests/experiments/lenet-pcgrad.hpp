// LeNet whose losses' gradients over the trunk are freed of conflicts.
#pragma once

#include "medley/mixes/pcgrad.hpp"
#include "tests/experiments/lenet.hpp"

namespace medley::experiments {

struct lenet_pcgrad : lenet {
  static constexpr std::string_view name = "lenet-pcgrad";
  static constexpr PcGrad mix{};
};

}  // namespace medley::experiments
