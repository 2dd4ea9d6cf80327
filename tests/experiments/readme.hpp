// Discs, squares and rings: which of the three, and where. Two heads on one trunk, three terms.
#pragma once

#include "medley/parts.hpp"

namespace medley::experiments {

struct readme {
  static constexpr std::string_view name = "readme";
  static constexpr Shape input{1, 32, 32};  // channels, height, width
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"shape", TargetKind::classes, 3},  // shape.npy: 0, 1, 2
      {"place", TargetKind::values, 2},   // place.npy: two floats a record
  });

  using Trunk = Sequence<                         //
      Conv<16>, GroupNorm<4>, Relu, MaxPool<2>,   // 16 x 16
      Conv<32>, GroupNorm<4>, Relu, MaxPool<2>>;  // 8 x 8
  using Heads = std::tuple<                       //
      Head<"shape", Conv<32>, Relu, GlobalAveragePool, Flatten, Dense<3>>,
      Head<"place", Flatten, Dense<32>, Relu, Dense<2>>>;

  static constexpr auto terms = std::tuple{
      term<"shape">(SoftmaxCrossEntropy{}, 1.0),
      term<"place">(MeanSquaredError{}, 2.0),
      penalty<"decay">(L2Penalty{}, 1e-4),
  };
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Adam{.learning_rate = 3e-3});
  static constexpr Recipe recipe{.epochs = 5, .batch_size = 32, .schedule = Schedule::one_cycle()};
  static constexpr Memory memory{.shard = 8, .slots = 8};
};

}  // namespace medley::experiments
