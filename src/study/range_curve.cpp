#include "medley/study/range_curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "medley/base/exact_math.hpp"

namespace medley {

namespace {

constexpr double ln10 = 2.302585092994045684;
// In standard errors: of a difference, and of the largest of many slopes.
constexpr double certain = 3.0, certain_of_many = 4.0;

// By least squares over losses [first, last), at step `at`.
RangeFit line_at(std::span<const double> losses, std::size_t first, std::size_t last,
                 std::size_t at, double width) {
  const auto n = static_cast<double>(last - first);
  const double middle = static_cast<double>(first + last - 1) / 2.0;
  const auto x = [&](std::size_t i) { return (static_cast<double>(i) - middle) * width; };
  double mean = 0.0, xx = 0.0, xy = 0.0, residuals = 0.0;
  for (std::size_t i = first; i < last; ++i) mean += losses[i] / n;
  for (std::size_t i = first; i < last; ++i) {
    xx += x(i) * x(i);
    xy += x(i) * (losses[i] - mean);
  }
  RangeFit fit;
  fit.slope = xy / xx;
  fit.value = mean + fit.slope * x(at);
  for (std::size_t i = first; i < last; ++i) {
    const double residual = losses[i] - mean - fit.slope * x(i);
    residuals += residual * residual;
  }
  const double variance = residuals / (n - 2.0);
  fit.slope_error = square_root(variance / xx);
  fit.value_error = square_root(variance * (1.0 / n + x(at) * x(at) / xx));
  return fit;
}

}  // namespace

double RateRange::decades_a_step() const {
  return (natural_log(most) - natural_log(least)) / ln10 /
         static_cast<double>(std::max<std::uint64_t>(steps, 2) - 1);
}

double RateRange::rate(double step) const {
  return least * exponential(ln10 * decades_a_step() * step);
}

std::size_t RateRange::reach() const {
  return static_cast<std::size_t>(std::max<std::uint64_t>(steps / 16, 5));
}

RangeReading read_range(std::span<const double> losses, const RateRange& range) {
  RangeReading reading;
  const std::size_t count = losses.size(), reach = range.reach();
  const double width = range.decades_a_step();
  if (count < 3 * reach) {
    for (const double loss : losses) reading.fits.push_back({loss, NAN, NAN, NAN});
    reading.remarks.push_back(fmt::format(
        "it ended after {} steps, too few to tell anything: a lower range has more to show",
        count));
    return reading;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = i > reach ? i - reach : 0, last = std::min(i + reach + 1, count);
    reading.fits.push_back(line_at(losses, first, last, i, width));
  }
  // Of whole windows: at the ends, a line is a guess at what comes.
  const auto begin = reading.fits.begin() + static_cast<std::ptrdiff_t>(reach);
  const auto end = reading.fits.end() - static_cast<std::ptrdiff_t>(reach);
  const auto least = std::min_element(
      begin, end, [](const RangeFit& a, const RangeFit& b) { return a.value < b.value; });
  const auto steepest = std::min_element(
      begin, least + 1, [](const RangeFit& a, const RangeFit& b) { return a.slope < b.slope; });
  const auto step_of = [&](auto fit) {
    return static_cast<std::size_t>(fit - reading.fits.begin());
  };
  reading.least = step_of(least);
  const auto rate_at = [&](auto fit) { return range.rate(static_cast<double>(step_of(fit))); };

  const double fall = begin->value - least->value;
  const double noise = square_root(begin->value_error * begin->value_error +
                                   least->value_error * least->value_error);
  if (steepest->slope < -certain_of_many * steepest->slope_error)
    reading.steepest = rate_at(steepest);
  if (fall > certain * noise) reading.tenth = rate_at(least) / 10.0;
  reading.remarks.push_back(fmt::format(
      "the smoothed loss falls from {:.4g} to {:.4g} (standard error of the fall {:.2g}), which "
      "it has at a rate of {:.2g}; fastest at {:.2g}, by {:.3g} ± {:.2g} a decade",
      begin->value, least->value, noise, rate_at(least), rate_at(steepest), -steepest->slope,
      steepest->slope_error));
  if (!reading.steepest && !reading.tenth)
    reading.remarks.push_back(
        "that may be noise, and no rate is suggested: more --steps, a larger --batch-size or a "
        "higher range may tell");
  else if (!reading.steepest || !reading.tenth)
    reading.remarks.push_back(fmt::format("the {} may be noise, and is left out",
                                          reading.steepest ? "fall in all" : "steepest slope"));
  if (reading.steepest && step_of(steepest) == reach)
    reading.remarks.push_back(
        "it falls fastest where the range begins: lower rates are worth a test");
  if (reading.tenth && step_of(least) + 1 == step_of(end))
    reading.remarks.push_back("it still falls where the test ends: higher rates are worth a test");
  return reading;
}

bool RangeEnd::add(double loss) {
  constexpr double share = 0.1;
  mean_ += share * (loss - mean_);
  share_ += share * (1.0 - share_);
  const double mean = mean_ / share_;
  if (count_ == 0) first_ = least_ = mean;
  least_ = std::min(least_, mean);
  ++count_;
  const double limit =
      least_ > 0.0 ? std::max(4.0 * least_, first_) : 2.0 * first_ - least_ + magnitude(first_);
  return count_ < 10 || mean <= limit;
}

}  // namespace medley
