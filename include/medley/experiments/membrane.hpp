// Cells and their membranes in electron micrographs: which of the two each pixel shows, by a U-Net (Ronneberger et al.
// 2015) with two losses. Pictures of 512 x 512 come as tiles of 128 x 128: `import --masks --tile`.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/layers/upsample.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/adam.hpp"

namespace medley::experiments {

struct membrane {
  static constexpr std::string_view name = "membrane";
  static constexpr Shape input{1, 128, 128};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"cells", TargetKind::mask, 2},  // 0 membrane, 1 the inside of a cell
  });

  template <int Channels>
  using Block = Sequence<Conv<Channels>, GroupNorm<4>, Relu>;
  using Up = UpsampleBilinear<2>;

  // Each level is what lies between a skip connection's two ends; the deepest comes first.
  using Level16 = Sequence<MaxPool<2>, Block<64>, Block<64>, Up>;  // 16 x 16
  using Level32 =
      Sequence<MaxPool<2>, Block<48>, Concat<Identity, Level16>, Block<48>, Up>;  // 32 x 32
  using Level64 =
      Sequence<MaxPool<2>, Block<32>, Concat<Identity, Level32>, Block<32>, Up>;       // 64 x 64
  using Trunk = Sequence<Block<16>, Block<16>, Concat<Identity, Level64>, Block<16>>;  // 128 x 128
  using Heads = std::tuple<Head<"cells", Conv<1, 1>>>;

  // Two losses on one head: each pixel counts in the first, each picture's overlap in the second.
  static constexpr auto terms = std::tuple{
      term<"pixels", "cells", "cells">(BinaryCrossEntropy{}, 1.0),
      term<"overlap", "cells", "cells">(SoftIou{}, 1.0),
  };
  static constexpr auto mix = every_mix;
  static constexpr auto steps = joint(AdamW{.learning_rate = 2e-3});
  static constexpr Recipe recipe{
      .epochs = 30,
      .batch_size = 16,
      .schedule = Schedule::one_cycle(),
      .augmentation = {.flip = true, .shift = 8, .least_crop = 0.7},  // masks follow the pictures
  };
  static constexpr Memory memory{.shard = 4, .slots = 4};
};

}  // namespace medley::experiments
