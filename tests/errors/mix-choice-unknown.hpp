// group labels: mix uncertainty: form is 2; from 0 to 1
#pragma once

#include "medley/mixes/uncertainty.hpp"
#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto mix = any_of(WeightedSum{}, Uncertainty{.form = 2});
};

}  // namespace medley::experiments
