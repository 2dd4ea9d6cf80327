// What the experiments costs-* share. tests/bench/costs.py compares their steps.
//
// A trunk of four 3x3 convolutions for pictures of 32x32, and heads of two kinds: small ones that
// read a class, and one with two million weights that reads a place, so that whoever works on it
// without need is seen to.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/adam.hpp"

namespace medley::experiments::costs {

struct Base {
  static constexpr Shape input{3, 32, 32};

  template <int Channels>
  using Block = Sequence<ConvNoBias<Channels>, GhostBatchNorm, Relu>;
  using Trunk = Sequence<                 //
      Block<32>, Block<32>, MaxPool<2>,   // 16 x 16
      Block<64>, Block<64>, MaxPool<2>>;  // 8 x 8
  template <Name N, int Classes, int Channels = 32>
  using ClassHead = Head<N, Conv<Channels>, Relu, GlobalAveragePool, Dense<Classes>>;
  using PlaceHead = Head<"place", Flatten, Dense<512>, Relu, Dense<2>>;

  static constexpr WeightedSum mix{};
  static constexpr Recipe recipe{.epochs = 1, .batch_size = 64};
  static constexpr Memory memory{.shard = 8, .slots = 8};
  static constexpr Adam adam{.learning_rate = 1e-3};
};

// Two small heads that one group reaches, and the large one of the other group.
struct TwoGroups : Base {
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"colour", TargetKind::classes, 8},
      {"size", TargetKind::classes, 4},
      {"place", TargetKind::values, 2},
  });
  using Heads = std::tuple<ClassHead<"colour", 8>, ClassHead<"size", 4>, PlaceHead>;
  static constexpr auto terms = std::tuple{
      term<"colour">(SoftmaxCrossEntropy{}, 1.0),
      term<"size">(SoftmaxCrossEntropy{}, 0.5),
      term<"place">(MeanSquaredError{}, 2.0),
  };
  static constexpr auto labels = group<"labels", "colour", "size">(adam);
  static constexpr auto place = group<"place", "place">(adam);
};

}  // namespace medley::experiments::costs
