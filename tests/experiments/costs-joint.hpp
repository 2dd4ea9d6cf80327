// Three heads, three losses, one step (see tests/bench/costs.hpp).
#pragma once

#include "tests/bench/costs.hpp"

namespace medley::experiments {

struct costs_joint : costs::Base {
  static constexpr std::string_view name = "costs-joint";
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"colour", TargetKind::classes, 8},
      {"size", TargetKind::classes, 4},
      {"kind", TargetKind::classes, 3},
  });
  using Heads = std::tuple<ClassHead<"colour", 8>, ClassHead<"size", 4>, ClassHead<"kind", 3>>;
  static constexpr auto terms = std::tuple{
      term<"colour">(SoftmaxCrossEntropy{}, 1.0),
      term<"size">(SoftmaxCrossEntropy{}, 0.5),
      term<"kind">(SoftmaxCrossEntropy{}, 0.25),
  };
  static constexpr auto steps = joint(adam);
};

}  // namespace medley::experiments
