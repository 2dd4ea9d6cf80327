// The embedded default: drawn garments, of which the network reads colour, size and outline through
// one trunk. Three heads, four terms, one optimizer.
//
// The trunk goes down to 4 x 4 pixels and up again, each level joined to what was there before
// (Ronneberger et al. 2015), so that the mask is sharp and the size can see the whole garment.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/experiments/garments/drawing.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/layers/upsample.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/adam.hpp"

namespace medley::experiments {

struct garments {
  static constexpr std::string_view name = "garments";
  using Generator = GarmentSource;
  static constexpr Shape input{3, 32, 32};
  static constexpr auto targets = GarmentSource::targets;

  template <int Channels, int Kernel = 3>
  using Block = Sequence<ConvNoBias<Channels, Kernel>, GhostBatchNorm, Relu>;
  using Up = UpsampleBilinear<2>;

  using Level4 = Sequence<MaxPool<2>, Block<64>, Block<64>, Up>;  // 4 x 4
  using Level8 =
      Sequence<MaxPool<2>, Block<48>, Concat<Identity, Level4>, Block<32, 1>, Up>;  // 8 x 8
  using Level16 =
      Sequence<MaxPool<2>, Block<32>, Concat<Identity, Level8>, Block<16>, Up>;  // 16 x 16
  using Trunk = Sequence<Block<16>, Concat<Identity, Level16>, Block<16>>;       // 32 x 32

  using Heads = std::tuple<Head<"colour", MaxPool<2>, Block<16>, GlobalAveragePool, Dense<8>>,
                           Head<"size", MaxPool<2>, Block<32>, MaxPool<2>, Block<32>, MaxPool<2>,
                                Block<64>, GlobalAveragePool, Dense<4>>,
                           Head<"mask", Conv<1, 1>>>;

  static constexpr auto terms = std::tuple{
      term<"colour">(SoftmaxCrossEntropy{}, 1.0),
      term<"size">(Hinge{}, 1.0),
      term<"mask">(SoftIou{}, 1.0),
      penalty<"decay">(L2Penalty{}, 1e-4),
  };
  static constexpr auto mix = every_mix;
  static constexpr auto steps =
      any_of(joint(Adam{.learning_rate = 3e-3}),
             simultaneous(group<"labels", "colour", "size", "decay">(Adam{.learning_rate = 3e-3}),
                          group<"outline", "mask">(Adam{.learning_rate = 3e-3})),
             alternating(group<"labels", "colour", "size", "decay">(Adam{.learning_rate = 3e-3}),
                         group<"outline", "mask">(Adam{.learning_rate = 3e-3})));
  static constexpr Recipe recipe{
      .epochs = 6,
      .batch_size = 32,
      .schedule = Schedule::one_cycle(),
  };
  static constexpr Memory memory{.shard = 8, .slots = 8};
};

}  // namespace medley::experiments
