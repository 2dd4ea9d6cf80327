// What a training is told once, where it stands, and what steps and evaluations answer: plain numbers,
// the same for all experiments and instruction sets.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "medley/engine/processes.hpp"
#include "medley/experiment/limits.hpp"
#include "medley/experiment/recipe.hpp"
#include "medley/experiment/records.hpp"
#include "medley/mixes/composition.hpp"

namespace medley {

// What holds for a whole training; set once before the first step.
struct Settings {
  const RecordSource* source = nullptr;
  std::uint64_t seed = 1;
  std::uint32_t batch_size = 32;
  bool shuffle = true, augment = true;
  Augmentation augmentation;
  double clip_norm = 0.0;
  int mode = 0;                                    // of the step modes that the experiment lists
  std::array<double, max_groups> learning_rate{};  // of the groups of this mode
  std::array<double, max_terms> weight{};
  std::array<MixChoice, max_groups> mix{};  // of the groups of this mode
  std::uint64_t epochs = 1;                 // that the training will make
  std::uint64_t steps = 0;                  // rounds, whatever the epochs; 0: all of these
  int threads = 1;                 // of an Engine; a Trainer takes the workers that it is given
  Processes* processes = nullptr;  // that train together; null: this one does it alone
  // Of each parameter, in the order of the network: the epochs for which it is frozen, and what its
  // learning rates are multiplied with. Empty: none, and 1. Copied by start().
  std::span<const std::uint32_t> frozen_epochs{};
  std::span<const double> rate_scale{};
};

inline constexpr std::uint32_t all_epochs = ~std::uint32_t{0};

// Where a training stands: counts of what is done.
struct Position {
  std::uint64_t step = 0;  // rounds
  std::uint32_t epoch = 0;
  std::uint64_t batch = 0;  // within the epoch
  std::array<std::uint64_t, max_groups> updates{};
  friend bool operator==(const Position&, const Position&) = default;
};

// The terms' gradients of one batch over the trunk's parameters, before weights.
struct GradientReport {
  std::array<double, max_terms> norm{};
  std::array<std::array<double, max_terms>, max_terms> cosine{};

  void fill(double value) {
    norm.fill(value);
    for (auto& row : cosine) row.fill(value);
  }
};

struct StepReport {
  bool diverged = false;
  std::string_view culprit_term, culprit_layer;  // where it diverged; empty if not known
  std::uint64_t records = 0;
  double total = 0;  // weighted sum of the terms
  std::array<double, max_terms> value{}, weight{};
  std::array<bool, max_terms> measured{};          // false: no record had the target
  std::array<double, max_groups> gradient_norm{};  // of each group, before clipping
  std::array<MixFlags, max_groups> mix_flags{};    // what a mix wants to be told, see MixFlag
  // Of losses whose gradients were apart, within their group; NaN for the others.
  bool has_gradients = false;
  GradientReport gradients;
};

// What a step has done, measured from outside: of the losses, over the trunk where not said otherwise.
struct Diagnosis {
  using Pairs = std::array<std::array<double, max_terms>, max_terms>;
  Pairs product{};  // ⟨g_a, g_b⟩ at the parameters before the step, on its batch
  Pairs halves{};  // ⟨g_a of the batch's first half, g_b of its second⟩, by how they lie in order
  // ⟨g_k, Δθ⟩ over all parameters, and the change of the loss on the batch without what is drawn anew.
  std::array<double, max_terms> predicted{}, real{}, value{};
  // Weights that the mix would have with the Gramian over the trunk, where it has another; else as used.
  std::array<double, max_terms> exact_weight{};
  std::array<bool, max_terms> measured{};
  // [a][b]: what loss b is on the batch after a step of the trunk against g_a alone; where asked for.
  Pairs ahead{};
};

// Where the output of a layer goes that is wanted besides those of the heads, as features.
struct LayerOutput {
  int layer = 0;            // of Description::layers, one that has_value
  float* values = nullptr;  // C x H x W floats a record; null: none
};

// How much a record looks like class 1 rather than class 0: an output, or the difference of two.
struct Score {
  float value = 0.0f;
  std::int32_t label = -1;  // 0 or 1
};

// Where a score stands among others: that of a smaller one is smaller, NaN are last.
inline std::int32_t rank_of(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return std::int32_t{0x7FFFFFFF};
  return bits < 0 ? bits ^ 0x7FFFFFFF : bits;
}

// Counts of one head against one target.
struct MetricCounts {
  std::span<const std::uint64_t> confusion;  // [class][prediction]
  std::span<const Score> scores;  // of the labelled records, rising; those that are NaN are last
  double absolute_error = 0, squared_error = 0;  // sums over `count`
  std::uint64_t count = 0;
};

struct Evaluation {
  std::uint64_t records = 0;
  // Weighted sum of the terms that were measured; NaN where no loss that has a weight was, since
  // penalties alone tell nothing of the records.
  double total = 0;
  std::array<double, max_terms> value{}, weight{};
  std::array<bool, max_terms> measured{};
  // One a MetricInfo; its spans hold until the next evaluation.
  std::array<MetricCounts, max_terms> metrics{};
};

}  // namespace medley
