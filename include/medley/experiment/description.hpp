// What the shell sees of an experiment: names, shapes, numbers and where tensors lie. Nothing here
// computes, so that it compiles without the vector.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/base/parameter.hpp"
#include "medley/base/shape.hpp"
#include "medley/experiment/limits.hpp"
#include "medley/experiment/metric_info.hpp"
#include "medley/experiment/recipe.hpp"
#include "medley/experiment/records.hpp"
#include "medley/experiment/step_mode.hpp"
#include "medley/losses/outputs.hpp"
#include "medley/mixes/composition.hpp"

namespace medley {

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
  bool has_value = true;  // false: a neighbour computes it along with itself, its output is nowhere
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
  int sums = 0;      // over all records, of which it is a function; 0: it is a mean over records
};

struct GroupInfo {
  std::string name, optimizer;
  std::vector<Option> options;
  std::vector<std::string> terms;
  TermSet term_set = 0;
  int losses = 0;  // penalties not counted
  double learning_rate = 0;
  std::vector<AnyMix> own_mixes;     // that it lists; else those of the experiment hold
  MixChoice mix;                     // the one that is chosen
  bool keeps_mix_state = false;      // whether there is room for that in the arena
  std::size_t mix_state_offset = 0;  // in the arena, in floats
  int times = 1;
  bool next_batch = false;
};

struct SectionInfo {
  std::string name, lifetime;
  std::size_t offset = 0, bytes = 0;
};

// One of the step modes that an experiment lists, and what lies in the arena for it alone.
struct ModeInfo {
  StepMode mode = StepMode::joint;
  std::vector<GroupInfo> groups;
  std::vector<TensorInfo> moments;
  std::vector<SectionInfo> sections;
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
  std::vector<SectionInfo> arena;
  std::vector<SectionInfo> activations;  // within a worker's activations
  std::size_t arena_bytes = 0;
  std::vector<ModeInfo> modes;  // those that are listed
  // Of the mode that is chosen: groups, tensors and arena are of it.
  StepMode mode = StepMode::joint;
  std::vector<AnyMix> mixes;  // those that are listed
  Recipe recipe;
  Memory memory;
  double flops = 0;  // forward, one sample
  std::uint64_t parameters = 0;
  std::uint64_t fingerprint = 0;  // of everything that results depend on, options aside
};

// The description with the step mode of this index chosen, and the first mix of each group.
Description with_mode(Description description, int mode);
// The same with these mixes, one a group; none: the first ones.
Description with_mode(Description description, int mode, std::span<const MixChoice> mixes);

// What the mixes that are chosen keep.
std::vector<StateInfo> mix_states(const Description& description);

// Of everything in the description that results depend on, for Description::fingerprint.
std::uint64_t fingerprint(const Description& description);

}  // namespace medley
