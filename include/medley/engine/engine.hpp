// An engine as the shell sees it: it trains an experiment, evaluates and predicts. It is compiled
// once for each instruction set; this is common to all of them, and without the vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "medley/engine/record_observer.hpp"
#include "medley/engine/reports.hpp"

namespace medley {

class Engine {
 public:
  virtual ~Engine() = default;

  // Starts the workers, and takes the memory for the scores of the largest split, 8 bytes a record
  // of each two-class target: the last allocation. The source must outlive the engine. Nothing stays
  // of what an earlier start has set.
  virtual void start(const Settings& settings) = 0;
  // Draws the parameters from the seed and clears all state.
  virtual void initialize() = 0;
  // To be called after parameters, moments or states of mixes were written from outside.
  virtual void parameters_changed() = 0;
  // To be called before moments are read from outside: brings here those that other processes have.
  virtual void gather_state() = 0;

  // One round at `position`, which it advances, with the learning rates times `rate_factor`.
  // Where the report says that it diverged, the parameters are no longer to be used.
  virtual void step(Position& position, double rate_factor, StepReport& report) = 0;
  // Records of the batch that step() would use, in order; up to records.size() of them.
  virtual std::size_t batch_records(const Position& position,
                                    std::span<std::uint64_t> records) const = 0;
  // Gradients of the terms at `position`, without changing anything.
  virtual void measure_gradients(const Position& position, GradientReport& report) = 0;
  // For diagnose(): the floats of memory that it needs, and the parameters into it before a step.
  virtual std::size_t diagnosis_floats() const = 0;
  virtual void keep_parameters(std::span<float> memory) const = 0;
  // What the step that began at `before` has done, with its report; changes nothing. With a rate, also
  // of a step at that rate against each loss alone, a forward pass a loss.
  virtual void diagnose(const Position& before, std::span<float> memory, const StepReport& step,
                        double rate_ahead, Diagnosis& diagnosis) = 0;
  // Terms and metrics of a split with the parameters as they are; an observer is told of each record.
  virtual void evaluate(Split split, Evaluation& result, RecordObserver* observer = nullptr) = 0;
  // The value of a term that is a function of sums (RecordObserver::loss_sums).
  virtual double summed_value(int term, std::span<const double> sums) const = 0;
  // Outputs of all heads for up to predict_batch() records: for each head C x H x W floats a
  // record; and of a layer, where one is named.
  virtual void predict(std::span<const Record> records, std::span<float* const> outputs,
                       const LayerOutput& layer = {}) = 0;
  virtual std::size_t predict_batch() const = 0;
  // Rounds an epoch of `records` takes.
  virtual std::uint64_t rounds_per_epoch() const = 0;
  // How many processes are at work in it.
  virtual int processes() const { return 1; }
};

}  // namespace medley
