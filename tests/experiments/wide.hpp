// Dense layers alone, on large pictures: two and a half million weights, where a step is bound by
// how often they go through memory. For benchmarks.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"

namespace medley::experiments {

struct wide {
  static constexpr std::string_view name = "wide";
  static constexpr Shape input{1, 100, 100};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"kind", TargetKind::classes, 10},
      {"side", TargetKind::classes, 2},
  });

  using Trunk = Sequence<Flatten, Dense<256>, Relu>;
  using Heads = std::tuple<                       //
      Head<"kind", Dense<256>, Relu, Dense<10>>,  //
      Head<"side", Dense<1>>>;

  static constexpr auto terms = std::tuple{
      term<"kind">(SoftmaxCrossEntropy{}, 1.0),
      term<"side">(BinaryCrossEntropy{}, 0.5),
  };
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 1e-2});
  static constexpr Recipe recipe{.epochs = 2, .batch_size = 32};
  static constexpr Memory memory{};
};

}  // namespace medley::experiments
