// The engine of the first of several processes, which has all of them take part in what is asked of it.
// Whoever trains, evaluates or predicts with it need not know.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "medley/engine/engine.hpp"
#include "medley/experiment/description.hpp"
#include "medley/processes/request.hpp"

namespace medley {

class SharedEngine final : public Engine {
 public:
  // `own` is this process's. Both must outlive it. Throws usage_error where the other processes are not
  // of the same experiment and version, or were not called with the same arguments.
  SharedEngine(std::unique_ptr<Engine> own, const Description& description, Processes& processes,
               std::span<const std::string> arguments);
  // The others close their sessions.
  ~SharedEngine() override;

  // Throws what another process says of its data: data_error, io_error.
  void start(const Settings& settings) override;
  void initialize() override;
  void parameters_changed() override;
  void gather_state() override;
  void step(Position& position, double rate_factor, StepReport& report) override;
  std::size_t batch_records(const Position& position,
                            std::span<std::uint64_t> records) const override {
    return own_->batch_records(position, records);
  }
  void measure_gradients(const Position& position, GradientReport& report) override;
  std::size_t diagnosis_floats() const override { return own_->diagnosis_floats(); }
  void keep_parameters(std::span<float> memory) const override;
  void diagnose(const Position& before, std::span<float> memory, const StepReport& step,
                double rate_ahead, Diagnosis& diagnosis) override;
  void evaluate(Split split, Evaluation& result, RecordObserver* observer = nullptr) override;
  double summed_value(int term, std::span<const double> sums) const override {
    return own_->summed_value(term, sums);
  }
  void predict(std::span<const Record> records, std::span<float* const> outputs,
               const LayerOutput& layer = {}) override;
  std::size_t predict_batch() const override {
    return own_->predict_batch() * static_cast<std::size_t>(processes_.count());
  }
  std::uint64_t rounds_per_epoch() const override { return own_->rounds_per_epoch(); }
  int processes() const override { return processes_.count(); }

 private:
  void ask(Action action) const;
  template <class F>
  void for_each_reply(F&& f) const;

  std::unique_ptr<Engine> own_;
  const Description& description_;
  Processes& processes_;
};

}  // namespace medley
