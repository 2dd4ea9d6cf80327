// Which records a batch has.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "medley/engine/order.hpp"
#include "medley/engine/reports.hpp"
#include "medley/experiment/definition.hpp"

namespace medley {

// Records by their rank in a split: [first, first + count).
struct Batch {
  Split split = Split::train;
  std::uint32_t epoch = 0;
  std::uint64_t first = 0, count = 0;
  bool training = true;  // shuffled and augmented, if the settings say so
};

// Shards that are at work before something is done for all of them: [first, last).
struct ShardRange {
  std::uint64_t first = 0, last = 0;
  int last_samples = 0;  // of the last shard; the others are full
};

template <class Experiment>
class Batches {
  using D = Definition<Experiment>;

 public:
  // The settings must outlive this.
  explicit Batches(const Settings& settings) : settings_(&settings) {}

  // Updates of a group in a round.
  static constexpr int times(const StepPlan& plan, int g) {
    return plan.in_turn() ? group_times[plan.first_group + g] : 1;
  }
  // Whether each of its updates takes a batch of its own.
  static constexpr bool takes_next_batch(const StepPlan& plan, int g) {
    return plan.in_turn() && group_next_batch[plan.first_group + g];
  }
  static constexpr std::uint64_t batches_per_round(const StepPlan& plan) {
    std::uint64_t batches = 0;
    for (int g = 0; g < plan.groups; ++g) {
      if (takes_next_batch(plan, g)) batches += static_cast<std::uint64_t>(times(plan, g));
    }
    // The first update of a round always has a batch of its own.
    return takes_next_batch(plan, 0) ? batches : batches + 1;
  }
  std::uint64_t batches_per_epoch() const {
    const std::uint64_t records = settings_->source->size(Split::train);
    return (records + settings_->batch_size - 1) / settings_->batch_size;
  }

  // A round that runs past the last batch of an epoch goes on with its first.
  Batch batch_at(const Position& position) const {
    const std::uint64_t records = settings_->source->size(Split::train);
    const std::uint64_t first = position.batch % batches_per_epoch() * settings_->batch_size;
    return {.split = Split::train,
            .epoch = position.epoch,
            .first = first,
            .count = std::min<std::uint64_t>(settings_->batch_size, records - first)};
  }
  std::uint64_t record_of(const Batch& batch, std::uint64_t rank) const {
    if (batch.training && settings_->shuffle) {
      rank = Permutation(settings_->source->size(batch.split), settings_->seed, batch.epoch)(rank);
    }
    return settings_->source->record(batch.split, rank);
  }
  static std::uint64_t shard_count(const Batch& batch) {
    return (batch.count + D::shard - 1) / D::shard;
  }
  static int slots_used(std::uint64_t shards) {
    return static_cast<int>(std::min<std::uint64_t>(D::slots, shards));
  }
  // The range that begins with a shard: the whole batch, or where gradients are factored, a shard a
  // slot.
  static ShardRange range_from(const Batch& batch, std::uint64_t first) {
    const std::uint64_t shards = shard_count(batch);
    const std::uint64_t most = D::Net::factored_floats > 0 ? D::slots : shards;
    const std::uint64_t last = std::min(first + most, shards);
    return {first, last,
            static_cast<int>(std::min(batch.count, last * D::shard) - (last - 1) * D::shard)};
  }

  std::uint64_t rounds_per_epoch(const StepPlan& plan) const {
    const std::uint64_t batches = batches_per_round(plan);
    return (batches_per_epoch() + batches - 1) / batches;
  }

  // Counts a round that began at `start`; an epoch's last round leads to the next epoch.
  void finish_round(const Position& start, Position& position) const {
    position.step = start.step + 1;
    ++position.batch;
    if (position.batch >= batches_per_epoch()) {
      position.batch = 0;
      ++position.epoch;
    }
  }

 private:
  static constexpr std::array<int, D::group_count> group_times = [] {
    std::array<int, D::group_count> count{};
    D::each_group([&](auto g) { count[g] = std::get<g>(D::Ways::groups).times; });
    return count;
  }();
  static constexpr std::array<bool, D::group_count> group_next_batch = [] {
    std::array<bool, D::group_count> next{};
    D::each_group([&](auto g) { next[g] = std::get<g>(D::Ways::groups).next_batch; });
    return next;
  }();

  const Settings* settings_;
};

}  // namespace medley
