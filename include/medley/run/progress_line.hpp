// The line that shows people how far a training is.
#pragma once

#include <cstdint>

#include "medley/base/line.hpp"
#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"
#include "medley/run/reporting.hpp"

namespace medley {

// Nothing where `quiet`; else "epoch 3 of 20  step 1234/5000  total 0.812  5120/s  42 s left  colour 0.31 x 1 ...", on a
// terminal only, and no longer than that is wide.
class ProgressLine {
 public:
  explicit ProgressLine(const Description& description, bool quiet = false);
  ~ProgressLine() { clear(); }

  // Counts the step's records, and shows the line unless it was shown a moment ago. `epoch` is the
  // step's, from 0; people are told it from 1.
  void show(const StepReport& report, std::uint32_t epoch, std::uint64_t epochs, std::uint64_t step,
            std::uint64_t steps) noexcept;
  void clear() noexcept;

 private:
  const Description& d_;
  bool shown_;
  Line<2048> line_, output_;
  Clock::time_point start_ = Clock::now(), last_ = start_;
  std::uint64_t records_ = 0, shows_ = 0, first_step_ = 0;
};

}  // namespace medley
