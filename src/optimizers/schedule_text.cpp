#include "medley/optimizers/schedule_text.hpp"

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

std::optional<Schedule> exponential_schedule(std::string_view arguments) {
  const auto values = numbers(arguments);
  if (!values || values->size() != 2) return {};
  return Schedule::exponential((*values)[0], (*values)[1]);
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
  if (name == "exponential") return exponential_schedule(arguments);
  return {};
}

}  // namespace

Schedule parse_schedule(std::string_view text) {
  const auto schedule = read_schedule(text);
  if (schedule && schedule->valid()) return *schedule;
  throw usage_error(fmt::format(
      "schedule '{}' is none of: constant, cosine, one-cycle, one-cycle:RISE,DIV,FINAL_DIV, "
      "exponential:FROM,TO, step:GAMMA@FRACTION,... (for example step:0.1@0.5,0.75; fractions of "
      "the run, ascending, "
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
    case Schedule::Kind::exponential:
      return fmt::format("exponential:{},{}", schedule.from, schedule.to);
  }
  return {};
}

}  // namespace medley
