// For tests of whole steps: records that a test makes up, and an engine with an arena of its own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "medley/base/random.hpp"
#include "medley/data/source.hpp"
#include "medley/engine/settings_of.hpp"
#include "medley/experiment/describe.hpp"
#include "tests/threaded_trainer.hpp"

namespace medley::testing {

// Records with noisy pictures of one shape. A test sets targets; missing ones as in dataset folders.
// All splits have the same records.
class MadeSource final : public Source {
 public:
  struct Target {
    TargetKind kind{};
    int size = 0;
    std::vector<std::int32_t> labels;  // [record]
    std::vector<float> values;         // [record][size]
    std::vector<std::uint8_t> masks;   // [record][pixel]
  };

  template <std::size_t N>
  MadeSource(std::uint64_t records, Shape shape, const std::array<TargetSpec, N>& specs)
      : shape_(shape),
        mean_(static_cast<std::size_t>(shape.c), 127.0f),
        deviation_(static_cast<std::size_t>(shape.c), 70.0f),
        records_(records) {
    const auto pixels = static_cast<std::size_t>(shape.pixels());
    pictures.resize(records * static_cast<std::size_t>(shape.elements()));
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      const auto bits = RandomStream(5, Purpose::generator, 0, i).draw(0);
      pictures[i] = static_cast<std::uint8_t>(bits[0] >> 24);
    }
    for (const TargetSpec& spec : specs) {
      Target target{spec.kind, spec.size, {}, {}, {}};
      const auto size = static_cast<std::size_t>(spec.size);
      for (std::size_t r = 0; r < records; ++r) {
        target.labels.push_back(static_cast<std::int32_t>(r % size));
      }
      if (spec.kind == TargetKind::values) target.values.assign(records * size, 0.5f);
      if (spec.kind == TargetKind::mask) target.masks.assign(records * pixels, 0);
      for (std::size_t p = 0; p < target.masks.size(); ++p) {
        target.masks[p] = static_cast<std::uint8_t>((p * 7 + p / 5) % size);
      }
      targets.push_back(std::move(target));
    }
  }

  std::vector<std::uint8_t> pictures;
  std::vector<Target> targets;
  std::vector<float> weights;  // [record]; none: all count alike
  bool known_complete = false, has_validation = true;
  // Whether the records that are read are noted, in this order; for one thread.
  bool notes = false;
  mutable std::vector<std::uint64_t> seen;

  std::uint64_t size(Split split) const override {
    return split == Split::validation && !has_validation ? 0 : records_;
  }
  std::uint64_t record(Split, std::uint64_t rank) const override { return rank; }
  void read(std::uint64_t record, std::span<std::byte>, Record& out) const override {
    if (notes) seen.push_back(record);
    out = {};
    out.image = &pictures[record * static_cast<std::size_t>(shape_.elements())];
    for (std::size_t t = 0; t < targets.size(); ++t) {
      const Target& target = targets[t];
      out.targets[t].label = target.labels[record];
      if (!target.values.empty()) {
        out.targets[t].values = &target.values[record * static_cast<std::size_t>(target.size)];
      }
      if (!target.masks.empty()) out.targets[t].mask = mask(record, target);
    }
  }
  std::int32_t label(std::uint64_t record, int target) const override {
    return targets[static_cast<std::size_t>(target)].labels[record];
  }
  bool labelled(std::uint64_t record, int t) const override {
    const Target& target = targets[static_cast<std::size_t>(t)];
    if (target.kind == TargetKind::classes) return target.labels[record] >= 0;
    if (target.kind == TargetKind::values) {
      const float* first = &target.values[record * static_cast<std::size_t>(target.size)];
      return std::none_of(first, first + target.size, [](float x) { return x != x; });
    }
    const std::uint8_t* first = mask(record, target);
    return std::any_of(first, first + shape_.pixels(), [](std::uint8_t p) { return p != 255; });
  }
  bool complete(int) const override { return known_complete; }
  bool has_weights() const override { return !weights.empty(); }
  float weight(std::uint64_t record) const override {
    return weights.empty() ? 1.0f : weights[record];
  }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  std::span<const std::string> class_names(int) const override { return {}; }

 private:
  const std::uint8_t* mask(std::uint64_t record, const Target& target) const {
    return &target.masks[record * static_cast<std::size_t>(shape_.pixels())];
  }

  Shape shape_;
  std::vector<float> mean_, deviation_;
  std::uint64_t records_;
};

// Settings for all records in one batch, in their order.
template <class Experiment>
Settings settings_for(const MadeSource& source, int mode = 0) {
  Settings settings = settings_of<Experiment>(source, mode);
  settings.batch_size = static_cast<std::uint32_t>(source.size(Split::train));
  settings.shuffle = settings.augment = false;
  settings.clip_norm = 0.0;
  settings.threads = 2;
  return settings;
}

// A trainer that was started and has its initial parameters.
template <class Experiment>
class MadeTraining {
 public:
  explicit MadeTraining(const Settings& settings)
      : description_(with_mode(describe<Experiment>(), settings.mode, mixes_of(settings))),
        arena_(Definition<Experiment>::map.floats + 32),
        trainer_(start()) {
    trainer_.start(settings);
    trainer_.initialize();
  }

  ThreadedTrainer<Experiment>& engine() { return trainer_; }
  MadeTraining& step(int count = 1) {
    for (int i = 0; i < count; ++i) trainer_.step(position, 1.0, report);
    return *this;
  }
  GradientReport gradients() {
    GradientReport measured;
    trainer_.measure_gradients(position, measured);
    return measured;
  }
  Evaluation evaluate(Split split = Split::test) {
    Evaluation evaluation;
    trainer_.evaluate(split, evaluation);
    return evaluation;
  }

  std::vector<float> tensor(std::string_view name) const {
    const TensorInfo t = info(name);
    std::vector<float> values(t.elements);
    t.unpack(start(), values.data());
    return values;
  }
  void set(std::string_view name, const std::vector<float>& values) {
    const TensorInfo t = info(name);
    ASSERT_EQ(values.size(), t.elements) << name;
    t.pack(values.data(), start());
    trainer_.parameters_changed();
  }
  std::vector<std::string> tensor_names() const {
    std::vector<std::string> names;
    for (const TensorInfo& t : description_.tensors) names.push_back(t.name);
    return names;
  }
  float* arena() { return start(); }
  // With the step mode and the mixes of the settings.
  const Description& description() const { return description_; }
  // What a mix keeps, by name: "mix.all.log_variance".
  std::vector<double> state(std::string_view name) const {
    for (const StateInfo& s : mix_states(description_)) {
      if (s.name != name) continue;
      std::vector<double> values(s.elements);
      std::memcpy(values.data(), start() + s.offset, s.elements * sizeof(double));
      return values;
    }
    ADD_FAILURE() << "no state " << name;
    return {};
  }

  Position position;
  StepReport report;

 private:
  static std::vector<MixChoice> mixes_of(const Settings& settings) {
    const StepPlan& plan = Directions<Experiment>::plans[static_cast<std::size_t>(settings.mode)];
    return {settings.mix.begin(), settings.mix.begin() + plan.groups};
  }
  TensorInfo info(std::string_view name) const {
    for (const TensorInfo& t : description_.tensors) {
      if (t.name == name) return t;
    }
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  float* start() const {
    const auto address = reinterpret_cast<std::uintptr_t>(arena_.data());
    return const_cast<float*>(arena_.data()) + (128 - address % 128) % 128 / sizeof(float);
  }
  const Description description_;
  std::vector<float> arena_;
  ThreadedTrainer<Experiment> trainer_;
};

// Every tensor, by name, of two trainings: the same bits.
template <class A, class B>
void expect_same_tensors(const MadeTraining<A>& a, const MadeTraining<B>& b) {
  for (const std::string& name : a.tensor_names()) {
    EXPECT_EQ(a.tensor(name), b.tensor(name)) << name;
  }
}

}  // namespace medley::testing
