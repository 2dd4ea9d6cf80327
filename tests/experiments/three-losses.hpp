// Three losses on a small smooth network, for trainings with every mix beside a twin in double
// precision: no ReLU and no largest pixel of a window, where rounding decides which way a gradient
// goes, and no Adam, whose first step follows the sign of one.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/sgd.hpp"

namespace medley::experiments {

struct three_losses {
  static constexpr std::string_view name = "three-losses";
  static constexpr Shape input{5, 12, 12};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"parts", TargetKind::mask, 3},
      {"outline", TargetKind::mask, 3},
      {"kind", TargetKind::classes, 3},
  });

  using Trunk = Sequence<Conv<6>, GroupNorm<2>, Tanh, Conv<5>, Tanh>;
  using Heads = std::tuple<         //
      Head<"parts", Conv<3, 1>>,    //
      Head<"outline", Conv<3, 1>>,  //
      Head<"kind", AveragePool<4>, Conv<4>, Tanh, GlobalAveragePool, Dense<3>>>;

  static constexpr auto terms = std::tuple{
      term<"parts">(SoftmaxCrossEntropy{}, 1.0),
      term<"outline">(MulticlassSoftIou{}, 0.7),
      term<"kind">(SoftmaxCrossEntropy{}, 0.5),
      penalty<"decay">(L2Penalty{}, 1e-3),
  };
  static constexpr auto mix = every_mix;
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.01, .momentum = 0.9});
  static constexpr Recipe recipe{.epochs = 10, .batch_size = 22};
  static constexpr Memory memory{.shard = 4, .slots = 4};
};

}  // namespace medley::experiments
