// The first group of costs-alternating alone (see tests/bench/costs.hpp).
#pragma once

#include "tests/bench/costs.hpp"

namespace medley::experiments {

struct costs_labels : costs::Base {
  static constexpr std::string_view name = "costs-labels";
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"colour", TargetKind::classes, 8},
      {"size", TargetKind::classes, 4},
  });
  using Heads = std::tuple<ClassHead<"colour", 8>, ClassHead<"size", 4>>;
  static constexpr auto terms = std::tuple{
      term<"colour">(SoftmaxCrossEntropy{}, 1.0),
      term<"size">(SoftmaxCrossEntropy{}, 0.5),
  };
  static constexpr auto steps = joint(adam);
};

}  // namespace medley::experiments
