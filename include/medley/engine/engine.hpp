// An engine as the shell sees it: it trains an experiment, evaluates and predicts. It is compiled
// once for each instruction set; everything here is common to all of them, and without the vector.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "medley/data/source.hpp"
#include "medley/experiment/description.hpp"
#include "medley/experiment/limits.hpp"
#include "medley/experiment/recipe.hpp"
#include "medley/mixes/composition.hpp"

namespace medley {

// What holds for a whole training; set once before the first step.
struct Settings {
  const Source* source = nullptr;
  std::uint64_t seed = 1;
  std::uint32_t batch_size = 32;
  bool shuffle = true, augment = true;
  Augmentation augmentation;
  double clip_norm = 0.0;
  int mode = 0;                                    // of the step modes that the experiment lists
  std::array<double, max_groups> learning_rate{};  // of the groups of this mode
  std::array<double, max_terms> weight{};
  std::array<MixChoice, max_groups> mix{};  // of the groups of this mode
  std::uint64_t steps = 0;                  // that the training will make; rounds
  int threads = 1;
};

// Where a training stands: counts of what is done.
struct Position {
  std::uint64_t step = 0;  // rounds
  std::uint32_t epoch = 0;
  std::uint64_t batch = 0;  // within the epoch
  std::array<std::uint64_t, max_groups> updates{};
  friend bool operator==(const Position&, const Position&) = default;
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
};

// The terms' gradients of one batch over the trunk's parameters, before weights.
struct GradientReport {
  std::array<double, max_terms> norm{};
  std::array<std::array<double, max_terms>, max_terms> cosine{};
};

// How much a record looks like class 1 rather than class 0: an output, or the difference of two.
struct Score {
  float value = 0.0f;
  std::int32_t label = -1;  // 0 or 1
};

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

class Engine {
 public:
  virtual ~Engine() = default;

  // Starts the workers, and takes the memory for the scores of the largest split, 8 bytes a record
  // of each two-class target: the last allocation. The source must outlive the engine. Nothing stays
  // of what an earlier start has set.
  virtual void start(const Settings& settings) = 0;
  // Draws the parameters from the seed and clears all state.
  virtual void initialize() = 0;
  // To be called after parameters were written from outside.
  virtual void parameters_changed() = 0;

  // One round at `position`, which it advances, with the learning rates times `rate_factor`.
  // Where the report says that it diverged, the parameters are no longer to be used.
  virtual void step(Position& position, double rate_factor, StepReport& report) = 0;
  // Records of the batch that step() would use, in order; up to records.size() of them.
  virtual std::size_t batch_records(const Position& position,
                                    std::span<std::uint64_t> records) const = 0;
  // Gradients of the terms at `position`, without changing anything.
  virtual void measure_gradients(const Position& position, GradientReport& report) = 0;
  // Terms and metrics of a split with the parameters as they are.
  virtual void evaluate(Split split, Evaluation& result) = 0;
  // Outputs of all heads for up to predict_batch() records: for each head C x H x W floats a
  // record.
  virtual void predict(std::span<const Record> records, std::span<float* const> outputs) = 0;
  virtual std::size_t predict_batch() const = 0;
  // Rounds an epoch of `records` takes.
  virtual std::uint64_t rounds_per_epoch() const = 0;
};

}  // namespace medley
