// group all: its optimizer lacks change(constants, theta, gradient, state, decays), which returns a Vec: see optimizers/optimizer.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Still : Sgd {
  static Vec change() { return Vec::zero(); }
};

struct wrong : right {
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Still{});
};

}  // namespace medley::experiments
