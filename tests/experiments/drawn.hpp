// A few of the garments, each followed by its mask as a picture, for a network that compiles fast: what builds of
// other compilers and processors draw and import.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "medley/experiment/definition.hpp"
#include "medley/experiments/garments/drawing.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"

namespace medley::experiments {

class FewGarments final : public GarmentSource {
 public:
  static constexpr std::array<TargetSpec, 2> targets{GarmentSource::targets[0],
                                                     GarmentSource::targets[1]};

  std::uint64_t size(Split split) const override { return sizes_[static_cast<int>(split)]; }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    for (int before = 0; before < static_cast<int>(split); ++before) rank += sizes_[before];
    return rank;
  }
  std::size_t scratch_bytes() const override { return values; }
  // (There is room in the scratch for the picture alone, and not for a mask, which is no target here.)
  void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const override {
    std::array<std::byte, values + drawing::pixels> garment;
    GarmentSource::read(record / 2, garment, out);
    const std::uint8_t *const colours = out.image, *const mask = out.targets[2].mask;
    auto* const image = reinterpret_cast<std::uint8_t*>(scratch.data());
    for (std::size_t i = 0; i < values; ++i) {
      const bool is_garment = mask[i % drawing::pixels] == 1;
      image[i] = record % 2 == 0 ? colours[i] : is_garment ? 255 : 0;
    }
    out.image = image;
    out.targets[2] = {};
  }
  std::int32_t label(std::uint64_t record, int target) const override {
    return GarmentSource::label(record / 2, target);
  }

 private:
  static constexpr std::size_t values = drawing::channels * drawing::pixels;
  static constexpr std::array<std::uint64_t, 3> sizes_{400, 40, 60};
};

struct drawn {
  static constexpr std::string_view name = "drawn";
  using Generator = FewGarments;
  static constexpr Shape input{3, 32, 32};
  static constexpr auto targets = FewGarments::targets;

  using Trunk = Sequence<Conv<4>, AveragePool<4>>;
  using Heads = std::tuple<Head<"colour", GlobalAveragePool, Dense<drawing::colours>>,
                           Head<"size", GlobalAveragePool, Dense<drawing::sizes>>>;

  static constexpr auto terms = std::tuple{term<"colour">(SoftmaxCrossEntropy{}, 1.0),
                                           term<"size">(SoftmaxCrossEntropy{}, 1.0)};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.05});
  static constexpr Recipe recipe{.epochs = 1, .batch_size = 20};
  static constexpr Memory memory{.shard = 4, .slots = 4};
};

}  // namespace medley::experiments
