// Schedules: what the learning rate is multiplied with at each step of a run.
//
//   constant   1
//   step       γ^k, where k milestones have been reached; milestones are fractions of the run
//   cosine     (1 + cos(π s / S)) / 2
//   one_cycle  by half cosines from 1 / div up to 1 over the first `rise` of the run, then down to
//              1 / (div · final_div)
//   exponential  from · (to / from)^(s / (S - 1)), falling or rising: each step by the same factor
//
// s counts the steps from 0, S is the length of the run. With `warm_up`, a fraction of the run, the
// first W = round(warm_up · S) steps, at most S - 1, ramp linearly: (s + 1) / (W + 1) times the
// schedule's first factor; the schedule then runs over the remaining S - W.
//
// Sources: Loshchilov and Hutter, "SGDR", ICLR 2017; Smith and Topin, "Super-Convergence", 2018.
// PyTorch, torch.optim.lr_scheduler: MultiStepLR(milestones=round(fraction · S)),
// CosineAnnealingLR(T_max=S), OneCycleLR(total_steps=S, cycle_momentum=False),
// ExponentialLR(gamma=(to / from)^(1 / (S - 1))) from a rate times `from`; the warm-up is
// LinearLR(start_factor=1 / (W + 1), total_iters=W) in a SequentialLR.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "medley/base/exact_math.hpp"

namespace medley {

// cos(π x) for x in [0, 1] to 1e-15, by a polynomial: the same bits everywhere.
constexpr double cos_pi(double x) {
  const bool past_middle = x > 0.5;
  const double y = 3.14159265358979323846 * (past_middle ? 1.0 - x : x);
  // Taylor's series up to y^24: the rest is below 1e-21 at π/2.
  const double square = y * y;
  double sum = 1.0;
  for (int n = 24; n >= 2; n -= 2) sum = 1.0 - square / (n * (n - 1)) * sum;
  return past_middle ? -sum : sum;
}

struct Schedule {
  enum class Kind : std::uint8_t { constant, step, cosine, one_cycle, exponential };
  static constexpr int most_milestones = 16;

  Kind kind = Kind::constant;
  double warm_up = 0.0;  // fraction of the run, below 1
  // step
  double gamma = 0.1;
  std::array<double, most_milestones> milestones{};  // ascending, each in (0, 1)
  int milestone_count = 0;
  // one_cycle
  double rise = 0.3, div = 25.0, final_div = 1e4;
  // exponential
  double from = 1.0, to = 0.01;

  static constexpr Schedule constant() { return {}; }
  static constexpr Schedule cosine() { return {.kind = Kind::cosine}; }
  // More than most_milestones do not compile.
  static constexpr Schedule step(double gamma, std::initializer_list<double> fractions) {
    Schedule schedule{.kind = Kind::step, .gamma = gamma};
    for (const double fraction : fractions) {
      schedule.milestones[static_cast<std::size_t>(schedule.milestone_count++)] = fraction;
    }
    return schedule;
  }
  static constexpr Schedule one_cycle(double rise = 0.3, double div = 25.0,
                                      double final_div = 1e4) {
    return {.kind = Kind::one_cycle, .rise = rise, .div = div, .final_div = final_div};
  }
  static constexpr Schedule exponential(double from, double to) {
    return {.kind = Kind::exponential, .from = from, .to = to};
  }
  constexpr Schedule with_warm_up(double fraction) const {
    Schedule schedule = *this;
    schedule.warm_up = fraction;
    return schedule;
  }

  constexpr bool valid() const {
    bool ascending = true;
    for (int i = 0; i < milestone_count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double before = i == 0 ? 0.0 : milestones[at - 1];
      ascending = ascending && milestones[at] > before && milestones[at] < 1.0;
    }
    constexpr double most = 1e30;
    return warm_up >= 0.0 && warm_up < 1.0 && gamma > 0.0 && gamma <= most && ascending &&
           rise > 0.0 && rise < 1.0 && div >= 1.0 && div <= most && final_div >= 1.0 &&
           final_div <= most && from > 0.0 && from <= most && to > 0.0 && to <= most &&
           (kind != Kind::step || milestone_count > 0);
  }

  bool operator==(const Schedule&) const = default;

  // Whether factors of a longer run are others.
  constexpr bool depends_on_length() const { return kind != Kind::constant || warm_up > 0.0; }

  // The factor of a step in [0, total); later steps have the last one's.
  constexpr double factor(std::uint64_t step, std::uint64_t total) const;
};

namespace detail {

// From `from` at 0 to `to` at 1 along half a cosine.
constexpr double half_cosine(double from, double to, double x) {
  return to + (from - to) / 2.0 * (1.0 + cos_pi(x));
}

constexpr double step_factor(const Schedule& schedule, double step, double total) {
  double factor = 1.0;
  for (int i = 0; i < schedule.milestone_count; ++i) {
    const double fraction = schedule.milestones[static_cast<std::size_t>(i)];
    if (step >= floor_of(fraction * total + 0.5)) factor *= schedule.gamma;
  }
  return factor;
}

// The top is reached at step rise · total - 1, which need not be whole, as in PyTorch.
constexpr double one_cycle_factor(const Schedule& schedule, double step, double total) {
  const double first = 1.0 / schedule.div, last = first / schedule.final_div;
  const double top = schedule.rise * total - 1.0;
  if (step <= top && top > 0.0) return half_cosine(first, 1.0, step / top);
  return half_cosine(1.0, last, (step - top) / (total - 1.0 - top));
}

constexpr double exponential_factor(const Schedule& schedule, double step, double total) {
  const double growth = natural_log(schedule.to) - natural_log(schedule.from);
  return schedule.from * medley::exponential(growth * step / std::max(total - 1.0, 1.0));
}

constexpr double main_factor(const Schedule& schedule, double step, double total) {
  switch (schedule.kind) {
    case Schedule::Kind::constant:
      return 1.0;
    case Schedule::Kind::step:
      return step_factor(schedule, step, total);
    case Schedule::Kind::cosine:
      return half_cosine(1.0, 0.0, step / total);
    case Schedule::Kind::one_cycle:
      return one_cycle_factor(schedule, step, total);
    case Schedule::Kind::exponential:
      return exponential_factor(schedule, step, total);
  }
  return 1.0;
}

}  // namespace detail

constexpr double Schedule::factor(std::uint64_t step, std::uint64_t total) const {
  const auto length = static_cast<double>(std::max<std::uint64_t>(total, 1));
  const double at = std::min(static_cast<double>(step), length - 1.0);
  const double ramp = std::min(floor_of(warm_up * length + 0.5), length - 1.0);
  if (at < ramp) return (at + 1.0) / (ramp + 1.0) * detail::main_factor(*this, 0.0, length - ramp);
  return detail::main_factor(*this, at - ramp, length - ramp);
}

}  // namespace medley
