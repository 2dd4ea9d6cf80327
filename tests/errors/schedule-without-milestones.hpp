// recipe: the schedule's numbers are not valid, see optimizers/schedule.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Recipe recipe{.schedule = Schedule::step(0.1, {})};
};

}  // namespace medley::experiments
