// A residual network for small pictures (He et al. 2015): three stages of two blocks, the first of
// a stage halving the picture. Two heads: fine and coarse classes, as CIFAR-100 has them. For
// benchmarks.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"

namespace medley::experiments {

struct resnet {
  static constexpr std::string_view name = "resnet";
  static constexpr Shape input{3, 32, 32};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"fine", TargetKind::classes, 100},
      {"coarse", TargetKind::classes, 20},
  });

  template <int Channels, int Stride = 1>
  using Main = Sequence<ConvNoBias<Channels, 3, Stride>, GhostBatchNorm, Relu,  //
                        ConvNoBias<Channels>, GhostBatchNorm>;
  template <int Channels>
  using Block = Sequence<Residual<Main<Channels>>, Relu>;
  template <int Channels>
  using Halving =
      Sequence<Residual<Main<Channels, 2>, Sequence<ConvNoBias<Channels, 1, 2>, GhostBatchNorm>>,
               Relu>;

  using Trunk = Sequence<                    //
      ConvNoBias<16>, GhostBatchNorm, Relu,  //
      Block<16>, Block<16>,                  // 32 x 32
      Halving<32>, Block<32>,                // 16 x 16
      Halving<64>, Block<64>,                // 8 x 8
      GlobalAveragePool>;
  using Heads = std::tuple<Head<"fine", Dense<100>>, Head<"coarse", Dense<20>>>;

  static constexpr auto terms = std::tuple{
      term<"fine">(SoftmaxCrossEntropy{}, 1.0),
      term<"coarse">(SoftmaxCrossEntropy{}, 0.5),
      penalty<"decay">(L2Penalty{}, 1e-4),
  };
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.1, .momentum = 0.9});
  static constexpr Recipe recipe{.epochs = 100,
                                 .batch_size = 64,
                                 .schedule = Schedule::cosine(),
                                 .augmentation = {.flip = true, .shift = 4}};
  static constexpr Memory memory{.shard = 8, .slots = 8};
};

}  // namespace medley::experiments
