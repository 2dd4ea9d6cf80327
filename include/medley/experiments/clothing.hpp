// Photographs of clothes: which of 14 categories, and whether it is for children. Two heads on a
// trunk of six 3x3 convolutions, three terms.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/adam.hpp"

namespace medley::experiments {

struct clothing {
  static constexpr std::string_view name = "clothing";
  static constexpr Shape input{3, 64, 64};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"category", TargetKind::classes, 14},
      {"kids", TargetKind::classes, 2},
  });

  using Trunk = Sequence<                                //
      ConvNoBias<32>, GhostBatchNorm, Relu,              //
      ConvNoBias<32>, GhostBatchNorm, Relu, MaxPool<2>,  // 32 x 32
      ConvNoBias<64>, GhostBatchNorm, Relu,              //
      ConvNoBias<64>, GhostBatchNorm, Relu, MaxPool<2>,  // 16 x 16
      ConvNoBias<128>, GhostBatchNorm, Relu,             //
      ConvNoBias<128>, GhostBatchNorm, Relu, GlobalAveragePool>;
  using Heads = std::tuple<  //
      Head<"category", Dense<14>>, Head<"kids", Dense<1>>>;

  static constexpr auto terms = std::tuple{
      term<"category">(SoftmaxCrossEntropy{}, 1.0),
      term<"kids">(BinaryCrossEntropy{}, 1.0),
      penalty<"decay">(L2Penalty{}, 1e-4),
  };
  static constexpr auto mix = every_mix;
  static constexpr auto steps =
      any_of(joint(Adam{.learning_rate = 3e-3}),
             simultaneous(group<"categories", "category", "decay">(Adam{.learning_rate = 3e-3}),
                          group<"ages", "kids">(Adam{.learning_rate = 1e-3})),
             alternating(group<"categories", "category", "decay">(Adam{.learning_rate = 3e-3}),
                         group<"ages", "kids">(Adam{.learning_rate = 1e-3})));
  static constexpr Recipe recipe{
      .epochs = 20,
      .batch_size = 32,
      .schedule = Schedule::one_cycle(),
      .augmentation = {.flip = true, .shift = 4, .least_crop = 0.8},
  };
  static constexpr Memory memory{.shard = 4, .slots = 8};
};

}  // namespace medley::experiments
