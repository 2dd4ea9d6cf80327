// What other frameworks were once found to compute otherwise, in one small network: odd numbers of
// channels, pooling before its ReLU, two heads that are the trunk's output itself, a third behind it,
// class weights on a mask of which some pixels are not known, SGD with momentum.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/initialized.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"

namespace medley::experiments {

struct parity {
  static constexpr std::string_view name = "parity";
  static constexpr Shape input{5, 12, 12};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"parts", TargetKind::mask, 3},
      {"outline", TargetKind::mask, 3},
      {"kind", TargetKind::classes, 3},
  });

  using Trunk = Sequence<                //
      Conv<7>, MaxPool<3, 1, 1>, Relu,   //
      Conv<21>, MaxPool<3, 1, 1>, Relu,  //
      Initialized<Conv<3, 1>,
                  Initial::glorot_uniform.scaled(0.5)>>;  // of two heads it is the output
  using Heads = std::tuple<                               //
      Head<"parts">, Head<"outline">,
      Head<"kind", Conv<9, 3, 2>, Relu, GlobalAveragePool, Dense<3>>>;

  static constexpr auto terms = std::tuple{
      term<"parts">(SoftmaxCrossEntropy{.class_weights = {1.0, 3.0, 0.5}}, 1.0),
      term<"outline">(MulticlassSoftIou{}, 0.7),
      term<"kind">(SoftmaxCrossEntropy{}, 0.5),
  };
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.05, .momentum = 0.9});
  static constexpr Recipe recipe{.epochs = 10, .batch_size = 22};
  static constexpr Memory memory{.shard = 4, .slots = 4};
};

}  // namespace medley::experiments
