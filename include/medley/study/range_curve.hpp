// What a learning-rate range test shows: losses while the rate rises from step to step by the same
// factor, with noise, as each is of another batch.
//
// Around each step a line is fitted to the losses against the logarithm of the rate, over a sixteenth of
// the steps to either side: its value there is the smoothed loss, which does not lag behind as a running
// mean does, and its slope comes with a standard error. Two rules:
//
//   steepest descent   the rate where the loss falls fastest: the least slope before the least loss
//   least loss / 10    a tenth of the rate where the smoothed loss is least
//
// Neither is given where noise may have made it: where the slope, the least of many, is within four
// standard errors, or what the loss has fallen within three.
//
// Sources: Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, arXiv 1506.01186;
// the rules are those of fastai's Learner.lr_find (`steep`, `minimum`).
// PyTorch Lightning: Tuner.lr_find.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace medley {

// Where rates begin and end, and the steps between.
struct RateRange {
  double least = 1e-6, most = 1.0;
  std::uint64_t steps = 300;

  // Of a step from 0.
  double rate(double step) const;
  // Of logarithm 10, a step.
  double decades_a_step() const;
  // Steps to either side that a fit takes.
  std::size_t reach() const;
};

// The line at one step, by decades of the rate.
struct RangeFit {
  double value = 0.0, value_error = 0.0;
  double slope = 0.0, slope_error = 0.0;
};

struct RangeReading {
  std::vector<RangeFit> fits;        // one a loss
  std::optional<std::size_t> least;  // the step of the least smoothed loss
  // Rates by the two rules, where they can be told from noise.
  std::optional<double> steepest, tenth;
  std::vector<std::string> remarks;  // sentences
};

// Of the losses of the first steps, all finite.
RangeReading read_range(std::span<const double> losses, const RateRange& range);

// Tells, loss by loss, when there is no use in higher rates: where a running mean of the losses (of ten)
// is four times its least, and above what it began with. (Losses may be below 0; then where it is as far
// above the first as that is from 0 and from the least.)
class RangeEnd {
 public:
  // Whether to go on.
  bool add(double loss);

 private:
  double mean_ = 0.0, share_ = 0.0;  // share_: 1 - 0.9^n
  double first_ = 0.0, least_ = 0.0;
  int count_ = 0;
};

}  // namespace medley
