// For tests of what stands around an engine: one that computes nothing, notes what it is asked for and
// reports what a test has written down; with the records, the description and the program that go
// with it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "medley/engine/engine.hpp"
#include "medley/mixes/blend.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/run/session.hpp"

namespace medley::testing {

// Small pictures of two classes in turn: ten for training, four for validation, three for tests.
class ScriptedSource final : public Source {
 public:
  std::array<std::uint64_t, 3> sizes{10, 4, 3};
  std::array<std::int32_t, 2> classes{0, 1};
  // How often a checkpoint was written, or compared with the records.
  mutable int asked = 0;

  std::uint64_t size(Split split) const override { return sizes[static_cast<std::size_t>(split)]; }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    return 100 * static_cast<std::uint64_t>(split) + rank;
  }
  void read(std::uint64_t record, std::span<std::byte>, Record& out) const override {
    out.image = pictures_.data() + record;
    out.targets[0].label = label(record, 0);
  }
  std::int32_t label(std::uint64_t record, int) const override { return classes[record % 2]; }
  bool labelled(std::uint64_t, int) const override { return true; }
  std::uint64_t fingerprint() const override {
    ++asked;
    return 0x0123456789abcdef;
  }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  std::span<const std::string> class_names(int) const override { return {}; }

 private:
  // No two of them alike.
  std::array<std::uint8_t, 512> pictures_ = [] {
    std::array<std::uint8_t, 512> pixels{};
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<std::uint8_t>(i * i % 241);
    return pixels;
  }();
  std::array<float, 1> mean_{100.0f}, deviation_{50.0f};
};

// What the engine is to report.
struct Script {
  std::uint64_t batches = 5, batches_a_round = 1;  // of an epoch
  std::optional<std::uint64_t> diverges_at;        // steps done before
  double kind = 1.0;                               // value of that term in every step
  bool measured = true;                            // whether it has one
  std::vector<double> validation{1.0};             // totals, one evaluation after the other
  std::vector<std::uint64_t> hits{3};              // of class 0 of four, likewise
  std::function<void(std::uint64_t)> after_step;   // given the steps done
  // What it predicts, up to so many records at a time.
  std::function<void(std::span<const Record>, std::span<float* const>)> predict;
  std::size_t predict_batch = 1;
  // What it was asked for.
  std::vector<std::string> calls;
  Settings settings{};
};

class ScriptedEngine final : public Engine {
 public:
  ScriptedEngine(float* arena, Script& script) : arena_(arena), script_(script) {}

  void start(const Settings& settings) override {
    settings_ = script_.settings = settings;
    call("start");
  }
  void initialize() override {
    arena_[0] = 0.0f;
    call("initialize");
  }
  void parameters_changed() override { call("parameters changed"); }
  void gather_state() override {}  // All state is here.

  // The parameter counts 1 + 2 + ... of the steps that were made with it.
  void step(Position& position, double rate_factor, StepReport& report) override {
    report = {};
    call("step " + text(position));
    if (position.step == script_.diverges_at) {
      ++position.batch;  // as where the second update of a round diverges
      report.diverged = true;
      report.culprit_term = "kind";
      return;
    }
    arena_[0] += static_cast<float>(position.step + 1);
    report.records = 10;
    report.value = {script_.kind, 0.25};
    report.weight = {settings_.weight[0], settings_.weight[1]};
    report.measured = {script_.measured, true};
    report.total = static_cast<double>(position.step) + rate_factor / 2;
    ++position.step;
    ++position.updates[0];
    position.batch += script_.batches_a_round;
    if (position.batch >= script_.batches) {
      position.batch = 0;
      ++position.epoch;
    }
    if (script_.after_step) script_.after_step(position.step);
  }
  std::size_t batch_records(const Position& position,
                            std::span<std::uint64_t> records) const override {
    records[0] = 10 * position.batch;
    records[1] = 10 * position.batch + 7;
    return 2;
  }
  void measure_gradients(const Position& position, GradientReport& report) override {
    call("measure " + text(position));
    report.norm = {static_cast<double>(position.step) + 0.5, 0.125};
    report.cosine[0][1] = -0.5;
  }
  double summed_value(int, std::span<const double>) const override { return 0.0; }
  std::size_t diagnosis_floats() const override { return 3; }
  void keep_parameters(std::span<float> memory) const override { memory[0] = arena_[0]; }
  void diagnose(const Position& before, std::span<float> memory, const StepReport&,
                double rate_ahead, Diagnosis& diagnosis) override {
    call("diagnose " + text(before) + ", " + std::to_string(memory.size()));
    diagnosis = {};
    diagnosis.measured = {true};
    diagnosis.value = {2.0};
    diagnosis.product[0][0] = 4.0;
    diagnosis.predicted[0] = rate_ahead;
    diagnosis.real[0] = static_cast<double>(memory[0]);
  }
  // Totals of the test split are the parameter. An observer is told of the loss of each record.
  void evaluate(Split split, Evaluation& result, RecordObserver* observer) override {
    call("evaluate " + std::string(to_string(split)));
    result = {};
    result.records = settings_.source->size(split);
    result.value = {2.0, 0.25};
    result.weight = {settings_.weight[0], settings_.weight[1]};
    result.measured = {true, true};
    result.total = static_cast<double>(arena_[0]);
    if (split == Split::validation) {
      result.total = script_.validation[std::min(evaluations_, script_.validation.size() - 1)];
      validated_[0] = script_.hits[std::min(evaluations_++, script_.hits.size() - 1)];
      validated_[1] = 4 - validated_[0];
    }
    result.metrics[0].confusion = split == Split::validation ? validated_ : confusion_;
    for (std::uint64_t rank = 0; observer && rank < result.records; ++rank)
      observer->loss(rank, 0, 4.0, 2.0);
  }
  void predict(std::span<const Record> records, std::span<float* const> outputs,
               const LayerOutput&) override {
    call("predict " + std::to_string(records.size()));
    if (script_.predict) script_.predict(records, outputs);
  }
  std::size_t predict_batch() const override { return script_.predict_batch; }
  std::uint64_t rounds_per_epoch() const override {
    return (script_.batches + script_.batches_a_round - 1) / script_.batches_a_round;
  }

 private:
  void call(std::string text) { script_.calls.push_back(std::move(text)); }
  // "steps done: epoch, batch, updates".
  static std::string text(const Position& p) {
    return std::to_string(p.step) + ": " + std::to_string(p.epoch) + ", " +
           std::to_string(p.batch) + ", " + std::to_string(p.updates[0]);
  }

  float* arena_;
  Script& script_;
  Settings settings_;
  std::size_t evaluations_ = 0;
  std::array<std::uint64_t, 4> confusion_{3, 1, 0, 2}, validated_ = confusion_;
};

// One parameter, one loss on a target of two classes, one penalty.
inline Description scripted_description() {
  Description d;
  d.name = "scripted";
  d.input = {1, 2, 2};
  d.targets = {{"kind", TargetKind::classes, 2}};
  d.heads = {{"kind", "heads.kind.0", {2, 1, 1}}};
  TermInfo kind;
  kind.name = kind.head = kind.target = "kind";
  kind.head_index = kind.target_index = 0;
  kind.guess = 0.75;
  TermInfo decay;
  decay.name = "decay";
  decay.is_penalty = true;
  decay.weight = 0.5;
  d.terms = {kind, decay};
  GroupInfo all;
  all.name = "all";
  all.optimizer = "sgd";
  all.learning_rate = 0.1;
  all.mix.mix = Blend{};
  all.term_set = 3;
  all.losses = 1;
  d.groups = {all};
  d.metrics = {{.head = "kind", .target = "kind", .classes = 2}};
  TensorInfo weight;
  weight.name = "trunk.0.weight";
  weight.dims = {1};
  weight.floats = static_cast<std::size_t>(lanes);
  weight.elements = 1;
  d.tensors = {weight};
  d.arena_bytes = static_cast<std::size_t>(lanes) * sizeof(float);
  d.mixes = {Blend{}, WeightedSum{}};
  d.recipe.batch_size = 2;
  d.fingerprint = 7;
  return d;
}

// A program of that engine. One at a time, as engines are made without being told for whom.
class ScriptedProgram {
 public:
  ScriptedProgram() { script_of_engines = &script; }
  ~ScriptedProgram() { script_of_engines = nullptr; }
  ScriptedProgram(const ScriptedProgram&) = delete;
  ScriptedProgram& operator=(const ScriptedProgram&) = delete;

  Script script;
  ScriptedSource source;
  Description description = scripted_description();
  alignas(128) std::array<float, lanes> arena{};
  Program program{.description = description,
                  .arena = arena,
                  .generator = &source,
                  .variants = {{"scripted", make_engine, true}}};

 private:
  static std::unique_ptr<Engine> make_engine(float* arena) {
    return std::make_unique<ScriptedEngine>(arena, *script_of_engines);
  }
  static inline Script* script_of_engines = nullptr;
};

}  // namespace medley::testing
