// Schedules: factors, and their text form for options and configuration files.
#include "medley/optimizers/schedule.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"

namespace medley {

double cos_pi(double x) {
  const bool past_middle = x > 0.5;
  const double y = 3.14159265358979323846 * (past_middle ? 1.0 - x : x);
  // Taylor's series up to y^24: the rest is below 1e-21 at π/2.
  const double square = y * y;
  double sum = 1.0;
  for (int n = 24; n >= 2; n -= 2) sum = 1.0 - square / (n * (n - 1)) * sum;
  return past_middle ? -sum : sum;
}

namespace {

// From `from` at 0 to `to` at 1 along half a cosine.
double half_cosine(double from, double to, double x) {
  return to + (from - to) / 2.0 * (1.0 + cos_pi(x));
}

double step_factor(const Schedule& schedule, double step, double total) {
  double factor = 1.0;
  for (int i = 0; i < schedule.milestone_count; ++i) {
    const double fraction = schedule.milestones[static_cast<std::size_t>(i)];
    if (step >= std::floor(fraction * total + 0.5)) factor *= schedule.gamma;
  }
  return factor;
}

// The top is reached at step rise · total - 1, which need not be whole, as in PyTorch.
double one_cycle_factor(const Schedule& schedule, double step, double total) {
  const double first = 1.0 / schedule.div, last = first / schedule.final_div;
  const double top = schedule.rise * total - 1.0;
  if (step <= top && top > 0.0) return half_cosine(first, 1.0, step / top);
  return half_cosine(1.0, last, (step - top) / (total - 1.0 - top));
}

double main_factor(const Schedule& schedule, double step, double total) {
  switch (schedule.kind) {
    case Schedule::Kind::constant:
      return 1.0;
    case Schedule::Kind::step:
      return step_factor(schedule, step, total);
    case Schedule::Kind::cosine:
      return half_cosine(1.0, 0.0, step / total);
    case Schedule::Kind::one_cycle:
      return one_cycle_factor(schedule, step, total);
  }
  return 1.0;
}

}  // namespace

double Schedule::factor(std::uint64_t step, std::uint64_t total) const {
  const auto length = static_cast<double>(std::max<std::uint64_t>(total, 1));
  const double at = std::min(static_cast<double>(step), length - 1.0);
  const double ramp = std::min(std::floor(warm_up * length + 0.5), length - 1.0);
  if (at < ramp) return (at + 1.0) / (ramp + 1.0) * main_factor(*this, 0.0, length - ramp);
  return main_factor(*this, at - ramp, length - ramp);
}

namespace {

std::optional<double> number(std::string_view text) {
  const NumberRead<double> read = read_number<double>(text);
  if (!read || std::isnan(read.value)) return {};
  return read.value;
}

// Numbers between commas; nothing if one of them is none.
std::optional<std::vector<double>> numbers(std::string_view text) {
  std::vector<double> values;
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto value = number(text.substr(0, comma));
    if (!value) return {};
    values.push_back(*value);
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

std::optional<Schedule> step_schedule(std::string_view arguments) {
  const std::size_t at = arguments.find('@');
  if (at == std::string_view::npos) return {};
  const auto gamma = number(arguments.substr(0, at));
  const auto fractions = numbers(arguments.substr(at + 1));
  if (!gamma || !fractions || fractions->size() > Schedule::most_milestones) return {};
  Schedule schedule = Schedule::step(*gamma, {});
  std::copy(fractions->begin(), fractions->end(), schedule.milestones.begin());
  schedule.milestone_count = static_cast<int>(fractions->size());
  return schedule;
}

std::optional<Schedule> one_cycle_schedule(std::string_view arguments) {
  const auto values = numbers(arguments);
  if (!values || values->size() != 3) return {};
  return Schedule::one_cycle((*values)[0], (*values)[1], (*values)[2]);
}

std::optional<Schedule> read_schedule(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    if (text == "constant") return Schedule::constant();
    if (text == "cosine") return Schedule::cosine();
    if (text == "one-cycle") return Schedule::one_cycle();
    return {};
  }
  const std::string_view name = text.substr(0, colon), arguments = text.substr(colon + 1);
  if (name == "step") return step_schedule(arguments);
  if (name == "one-cycle") return one_cycle_schedule(arguments);
  return {};
}

}  // namespace

Schedule parse_schedule(std::string_view text) {
  const auto schedule = read_schedule(text);
  if (schedule && schedule->valid()) return *schedule;
  throw usage_error(fmt::format(
      "schedule '{}' is none of: constant, cosine, one-cycle, one-cycle:RISE,DIV,FINAL_DIV, "
      "step:GAMMA@FRACTION,... (for example step:0.1@0.5,0.75; fractions of the run, ascending, "
      "between 0 and 1)",
      text));
}

std::string to_string(const Schedule& schedule) {
  const Schedule usual = Schedule::one_cycle();
  switch (schedule.kind) {
    case Schedule::Kind::constant:
      return "constant";
    case Schedule::Kind::cosine:
      return "cosine";
    case Schedule::Kind::step:
      return fmt::format("step:{}@{}", schedule.gamma,
                         fmt::join(std::span(schedule.milestones)
                                       .first(static_cast<std::size_t>(schedule.milestone_count)),
                                   ","));
    case Schedule::Kind::one_cycle:
      if (schedule.rise == usual.rise && schedule.div == usual.div &&
          schedule.final_div == usual.final_div) {
        return "one-cycle";
      }
      return fmt::format("one-cycle:{},{},{}", schedule.rise, schedule.div, schedule.final_div);
  }
  return {};
}

}  // namespace medley
