// Blend of the group's first two losses, a between 0 and 1; penalties and further losses keep their
// own weights w:
//
//   l = a · w_1 · l_1 + (1 - a) · w_2 · l_2 + Σ_{k>2} w_k · l_k
//
// PyTorch: (a * l1 + (1 - a) * l2).backward()
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Blend {
  static constexpr std::string_view type = "blend";
  static constexpr std::string_view usage = "a: share of the first loss, from 0 to 1";

  double a = 0.5;

  constexpr bool valid(int losses) const { return losses >= 2 && a >= 0.0 && a <= 1.0; }

  template <class F>
  constexpr void options(F&& f) const {
    f("a", a);
  }

  bool set(std::string_view name, double value) {
    if (name != "a" || !(value >= 0.0 && value <= 1.0)) return false;
    a = value;
    return true;
  }

  void weights(std::span<const double> own, std::span<double> out) const {
    for (std::size_t k = 0; k < own.size(); ++k) {
      out[k] = (k == 0 ? a : k == 1 ? 1.0 - a : 1.0) * own[k];
    }
  }
};

}  // namespace medley
