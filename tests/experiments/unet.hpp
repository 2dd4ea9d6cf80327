// A U-Net (Ronneberger et al. 2015) that tells which of six things each pixel shows.
#pragma once

#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/layers/upsample.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/adam.hpp"

namespace medley::experiments {

struct unet {
  static constexpr std::string_view name = "unet";
  static constexpr Shape input{3, 32, 32};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"scene", TargetKind::mask, 6},  // scene.npy: uint8, N x 32 x 32, 0 to 5; 255 is not known
  });

  template <int Channels>
  using Block = Sequence<Conv<Channels>, GroupNorm<4>, Relu>;
  using Up = UpsampleBilinear<2>;

  // Each level is what lies between a skip connection's two ends; the deepest comes first.
  using Level8 = Sequence<MaxPool<2>, Block<32>, Block<32>, Up>;  // 8 x 8
  using Level16 =
      Sequence<MaxPool<2>, Block<24>, Concat<Identity, Level8>, Block<24>, Up>;  // 16 x 16
  using Trunk = Sequence<Block<16>, Concat<Identity, Level16>, Block<16>>;       // 32 x 32
  using Heads = std::tuple<Head<"scene", Conv<6, 1>>>;  // a channel a class

  // Two losses on one head: each has a name; then follow the head and the target.
  static constexpr auto terms = std::tuple{
      term<"pixels", "scene", "scene">(SoftmaxCrossEntropy{}, 1.0),
      term<"overlap", "scene", "scene">(MulticlassSoftIou{}, 0.5),
  };
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(AdamW{.learning_rate = 3e-3});
  static constexpr Recipe recipe{
      .epochs = 12,
      .batch_size = 16,
      .schedule = Schedule::one_cycle(),
      .augmentation = {.flip = true, .shift = 4, .least_crop = 0.8},  // masks follow the pictures
  };
  static constexpr Memory memory{.shard = 4, .slots = 4};
};

}  // namespace medley::experiments
