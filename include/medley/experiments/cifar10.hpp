// Small photographs of ten kinds of things (CIFAR-10): ResNet-20 (He et al. 2015, section 4.2), with projections where
// a stage begins, and normalized over 16 pictures. The cross-entropy and a penalty on the weights that is weight decay
// of 2e-4 in PyTorch's terms.
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

struct cifar10 {
  static constexpr std::string_view name = "cifar10";
  static constexpr Shape input{3, 32, 32};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"class", TargetKind::classes, 10},
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
      Block<16>, Block<16>, Block<16>,       // 32 x 32
      Halving<32>, Block<32>, Block<32>,     // 16 x 16
      Halving<64>, Block<64>, Block<64>,     // 8 x 8
      GlobalAveragePool>;
  using Heads = std::tuple<Head<"class", Dense<10>>>;

  static constexpr auto terms = std::tuple{
      term<"class">(SoftmaxCrossEntropy{}, 1.0),
      penalty<"decay">(L2Penalty{}, 1e-4),
  };
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.2, .momentum = 0.9, .nesterov = true});
  static constexpr Recipe recipe{.epochs = 30,
                                 .batch_size = 128,
                                 .schedule = Schedule::one_cycle(),
                                 .augmentation = {.flip = true, .shift = 4}};
  static constexpr Memory memory{.shard = 16, .slots = 8};
};

}  // namespace medley::experiments
