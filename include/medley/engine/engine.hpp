// What the shell sees of an experiment: its description, and an engine that trains it. The engine
// is compiled once for each instruction set; everything here is common to all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/base/parameter.hpp"
#include "medley/data/source.hpp"
#include "medley/base/tensor.hpp"
#include "medley/experiment/recipe.hpp"
#include "medley/experiment/steps.hpp"
#include "medley/experiment/terms.hpp"

namespace medley {

// --- description ---------------------------------------------------------------------------------

struct Option {
  std::string name;
  double value;
};

// A tensor that checkpoints hold: a parameter or a moment of an optimizer.
struct TensorInfo {
  std::string name;                 // "trunk.0.weight", "optimizer.all.first_moment.trunk.0.weight"
  std::vector<std::uint64_t> dims;  // as files have them
  std::array<int, 4> extent{1, 1, 1, 1};
  Packing packing;
  std::size_t offset = 0;  // in the arena, in floats
  std::size_t floats = 0;
  std::size_t elements = 0;
  bool is_parameter = true;  // false: a moment
  bool trainable = true, decays = false;
  Initial initial = Initial::zero;
  int fan_in = 1, fan_out = 1;
  std::vector<double> prior{};  // for Initial::prior, the numbers

  // Copies between memory order and the order of files; `values` has `elements` floats.
  void unpack(const float* arena, float* values) const;
  void pack(const float* values, float* arena) const;
};

// Numbers in double precision that a mix keeps, which checkpoints hold as they are.
struct StateInfo {
  std::string name;  // "mix.all.log_variance"
  std::vector<std::uint64_t> dims;
  std::size_t offset = 0;  // in the arena, in floats
  std::size_t elements = 0;
};

struct LayerInfo {
  std::string path, type;
  std::vector<Option> options;
  std::vector<std::string> inputs;  // paths of the layers it reads; "input" for the network's
  Shape output;
  std::uint64_t parameters = 0;
  double flops = 0;         // forward, one sample
  std::string algorithm{};  // where it is not the plain one
};

struct HeadInfo {
  std::string name, output;  // path of its last layer
  Shape shape;
};

struct TermInfo {
  std::string name, type, head, target;  // head and target empty for penalties
  bool is_penalty = false;
  int head_index = -1, target_index = -1;
  double weight = 1.0;
  std::vector<Option> options;
  Outputs outputs{};           // what the loss takes the head's outputs for
  std::string_view over = {};  // of masks: "batch" or "pictures", see Over
  double guess = 0;  // its value where outputs are all alike; 0: not known without the targets
};

struct GroupInfo {
  std::string name, optimizer, mix;
  std::vector<Option> options;
  std::vector<std::string> terms;
  TermSet term_set = 0;
  double learning_rate = 0;
  bool own_mix = false;
  int times = 1;
  bool next_batch = false;
};

struct SectionInfo {
  std::string name, lifetime;
  std::size_t offset = 0, bytes = 0;
};

// How predictions of a head are compared with a target.
struct MetricInfo {
  std::string_view head, target;  // names, which are literals of the experiment
  int head_index = 0, target_index = 0;
  TargetKind kind = TargetKind::classes;
  int classes = 0;      // of labels and masks; 0 for values
  bool scored = false;  // two classes: scores are collected for the area under the ROC curve
  Outputs outputs{};    // what the losses on them take the outputs for
};

struct Description {
  std::string name;
  Shape input;
  std::vector<TargetSpec> targets;
  std::vector<LayerInfo> layers;
  std::vector<HeadInfo> heads;
  std::vector<TermInfo> terms;
  std::vector<GroupInfo> groups;
  std::vector<MetricInfo> metrics;
  std::vector<TensorInfo> tensors;  // parameters first, in the order of the network
  std::vector<StateInfo> mix_states;
  std::vector<SectionInfo> arena;
  std::vector<SectionInfo> activations;  // within a worker's activations
  std::size_t arena_bytes = 0;
  StepMode mode = StepMode::joint;
  std::string mix, mix_usage;
  std::vector<Option> mix_options;
  Recipe recipe;
  Memory memory;
  double flops = 0;  // forward, one sample
  std::uint64_t parameters = 0;
  std::uint64_t fingerprint = 0;  // of everything that results depend on, options aside
};

// Of everything in the description that results depend on, for Description::fingerprint.
std::uint64_t fingerprint(const Description& description);

// --- training ------------------------------------------------------------------------------------

// What holds for a whole training; set once before the first step.
struct Settings {
  const Source* source = nullptr;
  std::uint64_t seed = 1;
  std::uint32_t batch_size = 32;
  bool shuffle = true, augment = true;
  Augmentation augmentation;
  double clip_norm = 0.0;
  std::array<double, max_groups> learning_rate{};
  std::array<double, max_terms> weight{};
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
  // of each two-class target: the last allocation. The source must outlive the engine.
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
  // Changes a number of the mix, or of a group's own ("group.name"); false if there is none of that
  // name or the value is not allowed.
  virtual bool set_mix(std::string_view name, double value) = 0;

  // Rounds an epoch of `records` takes.
  virtual std::uint64_t rounds_per_epoch() const = 0;
};

}  // namespace medley
