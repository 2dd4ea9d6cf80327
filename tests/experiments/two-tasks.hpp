// Two tasks whose relation is known, on a trunk that hands on four numbers (data/make_two_tasks.py): for what
// `compare` says of tasks that are the same, have nothing in common, or conflict.
//
// All is linear, so that what fits through the trunk is a matter of counting: two tasks of two numbers
// each, or one of four.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/initialized.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/adam.hpp"

namespace medley::experiments {

struct two_tasks {
  static constexpr std::string_view name = "two-tasks";
  static constexpr Shape input{1, 16, 16};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"first", TargetKind::values, 8},
      {"second", TargetKind::values, 8},
  });

  using Trunk = Sequence<AveragePool<2>, Flatten, Dense<8>>;
  using Heads = std::tuple<Head<"first", Initialized<Dense<8>, Initial::zero>>,
                           Head<"second", Initialized<Dense<8>, Initial::zero>>>;

  static constexpr auto terms = std::tuple{
      term<"first">(MeanSquaredError{}),
      term<"second">(MeanSquaredError{}),
      penalty<"decay">(L2Penalty{}, 1e-5),
  };
  static constexpr auto mix = every_mix;
  static constexpr auto steps =
      any_of(joint(Adam{.learning_rate = 1e-2}),
             simultaneous(group<"one", "first", "decay">(Adam{.learning_rate = 1e-2}),
                          group<"two", "second">(Adam{.learning_rate = 1e-2})),
             alternating(group<"one", "first", "decay">(Adam{.learning_rate = 1e-2}),
                         group<"two", "second">(Adam{.learning_rate = 1e-2})));
  static constexpr Recipe recipe{.epochs = 10, .batch_size = 32, .schedule = Schedule::cosine()};
  static constexpr Memory memory{.shard = 8, .slots = 4};
};

}  // namespace medley::experiments
