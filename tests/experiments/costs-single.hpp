// One loss on one head, which is as large as the three of costs-joint together: its convolution has
// their channels, its outputs are theirs (see tests/bench/costs.hpp).
#pragma once

#include "tests/bench/costs.hpp"

namespace medley::experiments {

struct costs_single : costs::Base {
  static constexpr std::string_view name = "costs-single";
  static constexpr auto targets = std::to_array<TargetSpec>({{"all", TargetKind::classes, 15}});
  using Heads = std::tuple<ClassHead<"all", 15, 96>>;
  static constexpr auto terms = std::tuple{term<"all">(SoftmaxCrossEntropy{}, 1.0)};
  static constexpr auto steps = joint(adam);
};

}  // namespace medley::experiments
