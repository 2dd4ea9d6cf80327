// Schedules: what the learning rate is multiplied with at each step of a run.
//
//   constant   1
//   step       γ^k, where k milestones have been reached; milestones are fractions of the run
//   cosine     (1 + cos(π s / S)) / 2
//   one_cycle  by half cosines from 1 / div up to 1 over the first `rise` of the run, then down to
//              1 / (div · final_div)
//
// s counts the steps from 0, S is the length of the run. With `warm_up`, a fraction of the run, the
// first W = round(warm_up · S) steps, at most S - 1, ramp linearly: (s + 1) / (W + 1) times the
// schedule's first factor; the schedule then runs over the remaining S - W.
//
// Sources: Loshchilov and Hutter, "SGDR", ICLR 2017; Smith and Topin, "Super-Convergence", 2018.
// PyTorch, torch.optim.lr_scheduler: MultiStepLR(milestones=round(fraction · S)),
// CosineAnnealingLR(T_max=S), OneCycleLR(total_steps=S, cycle_momentum=False); the warm-up is
// LinearLR(start_factor=1 / (W + 1), total_iters=W) in a SequentialLR.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace medley {

// cos(π x) for x in [0, 1] to 1e-15, by a polynomial: the same bits everywhere.
double cos_pi(double x);

struct Schedule {
  enum class Kind : std::uint8_t { constant, step, cosine, one_cycle };
  static constexpr int most_milestones = 16;

  Kind kind = Kind::constant;
  double warm_up = 0.0;  // fraction of the run, below 1
  // step
  double gamma = 0.1;
  std::array<double, most_milestones> milestones{};  // ascending, each in (0, 1)
  int milestone_count = 0;
  // one_cycle
  double rise = 0.3, div = 25.0, final_div = 1e4;

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
           final_div <= most && (kind != Kind::step || milestone_count > 0);
  }

  bool operator==(const Schedule&) const = default;

  // The factor of a step in [0, total); later steps have the last one's.
  double factor(std::uint64_t step, std::uint64_t total) const;
};

// Text form, without the warm-up, which is an option of its own:
//   constant | cosine | step:GAMMA@FRACTION,FRACTION... | one-cycle | one-cycle:RISE,DIV,FINAL_DIV
// Throws a usage error that shows these forms.
Schedule parse_schedule(std::string_view text);
std::string to_string(const Schedule& schedule);

}  // namespace medley
