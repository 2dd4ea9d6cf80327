// LeNet-5 with two heads (LeCun et al. 1998): what the picture shows, and one of two sides of it.
// For benchmarks and for the comparison with other frameworks, step by step.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/adam.hpp"

namespace medley::experiments {

struct lenet {
  static constexpr std::string_view name = "lenet";
  static constexpr Shape input{1, 28, 28};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"digit", TargetKind::classes, 10},
      {"side", TargetKind::classes, 2},
  });

  using Trunk = Sequence<                   //
      Conv<6, 5>, Relu, MaxPool<2>,         // 14 x 14
      Conv<16, 5, 1, 0>, Relu, MaxPool<2>,  // 5 x 5
      Flatten, Dense<120>, Relu>;
  using Heads = std::tuple<                       //
      Head<"digit", Dense<84>, Relu, Dense<10>>,  //
      Head<"side", Dense<1>>>;

  static constexpr auto terms = std::tuple{
      term<"digit">(SoftmaxCrossEntropy{}, 1.0),
      term<"side">(BinaryCrossEntropy{}, 0.5),
      penalty<"decay">(L2Penalty{}, 1e-4),
  };
  static constexpr auto mix = every_mix;
  static constexpr auto steps =
      any_of(joint(Adam{.learning_rate = 1e-3}),
             simultaneous(group<"first", "digit", "decay">(Adam{.learning_rate = 1e-3}),
                          group<"second", "side">(Adam{.learning_rate = 5e-4})),
             alternating(group<"first", "digit", "decay">(Adam{.learning_rate = 1e-3}),
                         group<"second", "side">(Adam{.learning_rate = 5e-4})));
  static constexpr Recipe recipe{.epochs = 2, .batch_size = 64};
  static constexpr Memory memory{.shard = 8, .slots = 8};
};

}  // namespace medley::experiments
