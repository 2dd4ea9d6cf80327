// term kind: its loss lacks evaluate(block), which returns a float: see losses/loss.hpp
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct Nothing {
  static constexpr std::string_view type = "nothing";
  static constexpr Compares compares = Compares::labels;
  static constexpr Outputs outputs = Outputs::softmax;
  constexpr bool valid(int) const { return true; }
  template <class F>
  constexpr void options(F&&) const {}
};

struct wrong : right {
  static constexpr auto terms = std::tuple{term<"kind">(Nothing{})};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
