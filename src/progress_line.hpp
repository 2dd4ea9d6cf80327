// The line that shows people how far a training is.
#pragma once

#include <cstdint>

#include "medley/base/line.hpp"
#include "medley/training/engine.hpp"
#include "reporting.hpp"

namespace medley {

// "epoch 3/20  step 1234/5000  total 0.812  colour 0.31x1 ...  5120/s  0:42 left", on a terminal
// only.
class ProgressLine {
 public:
  explicit ProgressLine(const Description& description);
  ~ProgressLine() { clear(); }

  // Counts the step's records, and shows the line unless it was shown a moment ago.
  void show(const StepReport& report, const Position& position, std::uint64_t steps,
            std::uint64_t epochs) noexcept;
  void clear() noexcept;

 private:
  const Description& d_;
  bool shown_;
  Line<2048> line_;
  Clock::time_point start_ = Clock::now(), last_ = start_;
  std::uint64_t records_ = 0, shows_ = 0, first_step_ = 0;
};

}  // namespace medley
