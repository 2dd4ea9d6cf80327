// Two digits that overlap: which one is at the upper left, and which at the lower right. Two heads on
// the trunk of a LeNet (LeCun et al. 1998), two terms; data/make_two_digits.py makes the pictures.
//
// The task is from Sabour et al. 2017 (1710.09829), as two losses from Sener and Koltun 2018
// (1810.04650): neither task is the harder one, and both need the whole trunk.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/adam.hpp"

namespace medley::experiments {

struct two_digits {
  static constexpr std::string_view name = "two-digits";
  static constexpr Shape input{1, 36, 36};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"left", TargetKind::classes, 10},
      {"right", TargetKind::classes, 10},
  });

  using Trunk = Sequence<                   //
      Conv<8, 5, 1, 0>, Relu, MaxPool<2>,   // 16 x 16
      Conv<16, 5, 1, 0>, Relu, MaxPool<2>,  // 6 x 6
      Flatten, Dense<64>, Relu>;
  using Heads = std::tuple<                      //
      Head<"left", Dense<48>, Relu, Dense<10>>,  //
      Head<"right", Dense<48>, Relu, Dense<10>>>;

  static constexpr auto terms = std::tuple{
      term<"left">(SoftmaxCrossEntropy{}, 1.0),
      term<"right">(SoftmaxCrossEntropy{}, 1.0),
  };
  static constexpr auto mix = every_mix;
  static constexpr auto steps =
      any_of(joint(Adam{.learning_rate = 3e-3}),
             simultaneous(group<"first", "left">(Adam{.learning_rate = 3e-3}),
                          group<"second", "right">(Adam{.learning_rate = 3e-3})),
             alternating(group<"first", "left">(Adam{.learning_rate = 3e-3}),
                         group<"second", "right">(Adam{.learning_rate = 3e-3})));
  static constexpr Recipe recipe{
      .epochs = 5,
      .batch_size = 64,
      .schedule = Schedule::one_cycle(),
  };
  static constexpr Memory memory{.shard = 8, .slots = 8};
};

}  // namespace medley::experiments
