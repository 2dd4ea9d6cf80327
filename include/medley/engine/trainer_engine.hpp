// A trainer behind the interface that the shell knows, with threads for workers.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "medley/engine/engine.hpp"
#include "medley/engine/threads.hpp"
#include "medley/engine/trainer.hpp"

namespace medley {

template <class Experiment>
class TrainerEngine final : public Engine {
  using Training = Trainer<Experiment, Threads>;

 public:
  // `arena` as for a Trainer.
  explicit TrainerEngine(float* arena) : trainer_(arena) {}

  void start(const Settings& settings) override {
    threads_.emplace(std::clamp(settings.threads, 1, Training::most_workers));
    const std::size_t scores = Training::score_count(*settings.source);
    scores_ = std::make_unique_for_overwrite<Score[]>(scores);
    trainer_.start(settings, *threads_, {scores_.get(), scores});
  }
  void initialize() override { trainer_.initialize(); }
  void parameters_changed() override { trainer_.parameters_changed(); }
  void gather_state() override { trainer_.gather_state(); }
  void step(Position& position, double rate_factor, StepReport& report) override {
    trainer_.step(position, rate_factor, report);
  }
  std::size_t batch_records(const Position& position,
                            std::span<std::uint64_t> records) const override {
    return trainer_.batch_records(position, records);
  }
  void measure_gradients(const Position& position, GradientReport& report) override {
    trainer_.measure_gradients(position, report);
  }
  std::size_t diagnosis_floats() const override { return Training::diagnosis_floats(); }
  void keep_parameters(std::span<float> memory) const override { trainer_.keep_parameters(memory); }
  void diagnose(const Position& before, std::span<float> memory, const StepReport& step,
                double rate_ahead, Diagnosis& diagnosis) override {
    trainer_.diagnose(before, memory, step, rate_ahead, diagnosis);
  }
  void evaluate(Split split, Evaluation& result, RecordObserver* observer = nullptr) override {
    trainer_.evaluate(split, result, observer);
  }
  double summed_value(int term, std::span<const double> sums) const override {
    return Training::summed_value(term, sums);
  }
  void predict(std::span<const Record> records, std::span<float* const> outputs,
               const LayerOutput& layer = {}) override {
    trainer_.predict(records, outputs, layer);
  }
  std::size_t predict_batch() const override { return trainer_.predict_batch(); }
  std::uint64_t rounds_per_epoch() const override { return trainer_.rounds_per_epoch(); }

 private:
  Training trainer_;
  std::optional<Threads> threads_;
  std::unique_ptr<Score[]> scores_;
};

}  // namespace medley
