// Every layer, loss, penalty and optimizer at once, on small pictures: what the tests of the
// promises train. Channel counts are no multiples of the vector's sixteen, and a batch is no whole
// number of shards. Sizes are chosen for speed; nothing sensible is learned.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/dropout.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/layers/upsample.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/adam.hpp"
#include "medley/optimizers/sgd.hpp"

namespace medley::experiments {

struct everything {
  static constexpr std::string_view name = "everything";
  static constexpr Shape input{3, 16, 16};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"kind", TargetKind::classes, 5},
      {.name = "grade", .kind = TargetKind::classes, .size = 3, .ordered = true},
      {"answer", TargetKind::classes, 2},
      {"place", TargetKind::values, 2},
      {"outline", TargetKind::mask, 2},
      {"parts", TargetKind::mask, 3},
  });

  using Coarse = Sequence<MaxPool<2>, Conv<9, 1>, Sigmoid, UpsampleNearest<2>>;
  using Smooth = Sequence<AveragePool<2>, UpsampleBilinear<2>>;
  using Trunk = Sequence<                                 //
      ConvNoBias<12, 5>, GhostBatchNorm, LeakyRelu<>,     // 16 x 16
      Conv<20, 5, 2>, GroupNorm<4>, Relu,                 // 8 x 8
      Residual<Sequence<ByWinograd<Conv<20, 5>>, Tanh>>,  //
      Concat<Identity, Coarse, Smooth>, Dropout<20>,      // 49 channels
      Conv<18, 1>, Relu>;
  using Heads = std::tuple<                                                                //
      Head<"kind", MaxPool<2, 1>, Conv<33>, Relu, Conv<35>, GlobalAveragePool, Dense<5>>,  // 7 x 7
      Head<"grade", MaxPool<3, 2, 1>, Flatten, Dense<3>>,
      Head<"answer", Flatten, Dense<6>, Tanh, Dropout<10>, Dense<1>>,
      Head<"place", AveragePool<2>, Flatten, Dense<2>>,
      Head<"outline", UpsampleBilinear<2>, Conv<1, 1>>, Head<"parts", UpsampleNearest<2>, Conv<3>>>;

  static constexpr auto terms = std::tuple{
      term<"kind">(
          SoftmaxCrossEntropy{.smoothing = 0.1, .class_weights = {1.0, 2.0, 0.5, 1.5, 1.0}}, 1.0),
      term<"grade">(Hinge{}, 0.5),
      term<"answer">(BinaryCrossEntropy{.positive_weight = 2.0}, 0.7),
      term<"margin", "answer", "answer">(BinaryHinge{}, 0.3),
      term<"place">(MeanSquaredError{}, 0.2),
      term<"outline">(SoftIou{}, 1.0).over_batch(),
      term<"edges", "outline", "outline">(BinaryCrossEntropy{}, 0.5).over_pictures(),
      term<"parts">(MulticlassSoftIou{}, 1.0),
      term<"pixels", "parts", "parts">(SoftmaxCrossEntropy{.class_weights = {0.5, 2.0, 1.0}}, 0.5),
      penalty<"sparse">(L1Penalty{}, 1e-4),
      penalty<"decay">(L2Penalty{}, 1e-4),
  };
  static constexpr auto mix = every_mix;
  static constexpr auto steps = simultaneous(
      group<"labels", "kind", "grade", "decay">(
          Sgd{.learning_rate = 0.02, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-4}),
      group<"answers", "answer", "margin", "place", "sparse">(Adam{.learning_rate = 2e-3}),
      group<"shapes", "outline", "edges", "parts", "pixels">(AdamW{.learning_rate = 1e-3}));
  static constexpr Recipe recipe{
      .epochs = 3,
      .batch_size = 43,
      .schedule = Schedule::one_cycle(),
      .clip_norm = 5.0,
      .augmentation = {.flip = true, .shift = 2, .least_crop = 0.8},
  };
  static constexpr Memory memory{.shard = 4, .slots = 8};
};

}  // namespace medley::experiments
