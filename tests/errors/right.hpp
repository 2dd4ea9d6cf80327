// An experiment in which nothing is wrong. The others here differ from it in one thing each, and
// their first lines are what the compiler has to say.
#pragma once

#include <limits>

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
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/blend.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/adam.hpp"
#include "medley/optimizers/sgd.hpp"

namespace medley::experiments {

struct right {
  static constexpr std::string_view name = "right";
  static constexpr Shape input{1, 16, 16};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"kind", TargetKind::classes, 5},
      {"side", TargetKind::classes, 2},
      {"place", TargetKind::values, 2},
      {"outline", TargetKind::mask, 2},
  });

  using Trunk = Sequence<Conv<16>, Relu, MaxPool<2>>;
  using Kind = Head<"kind", Flatten, Dense<5>>;
  using Side = Head<"side", Conv<8>, Relu, GlobalAveragePool, Dense<1>>;
  using Place = Head<"place", Flatten, Dense<2>>;
  using Outline = Head<"outline", UpsampleNearest<2>, Conv<1>>;
  using Heads = std::tuple<Kind, Side, Place, Outline>;

  static constexpr auto kind = term<"kind">(SoftmaxCrossEntropy{}, 1.0);
  static constexpr auto side = term<"side">(BinaryCrossEntropy{}, 0.5);
  static constexpr auto place = term<"place">(MeanSquaredError{}, 2.0);
  static constexpr auto outline = term<"outline">(SoftIou{});
  static constexpr auto edges = term<"edges", "outline">(BinaryCrossEntropy{}, 0.1);
  static constexpr auto near = term<"near", "place", "place">(MeanSquaredError{});
  static constexpr auto decay = penalty<"decay">(L2Penalty{}, 1e-4);
  static constexpr auto terms = std::tuple{kind, side, place, outline, edges, near, decay};

  static constexpr WeightedSum mix{};
  static constexpr auto steps =
      alternating(group<"labels", "kind", "side", "decay">(Sgd{.learning_rate = 0.1}).repeated(2),
                  group<"shapes", "place", "outline", "edges", "near">(Adam{}).on_next_batch());
  static constexpr Recipe recipe{};
  static constexpr Memory memory{};
};

}  // namespace medley::experiments
