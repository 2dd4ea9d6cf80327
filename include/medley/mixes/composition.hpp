// What goes with any mix: a map of the losses, smoothing, length, how often and from what weights are
// made anew.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "medley/mixes/any_mix.hpp"

namespace medley {

struct Composition {
  enum Map : int { identity, logarithm };
  enum Length : int { paper, unit, match };
  enum Values : int { last, batch };
  enum Gradients : int { trunk, output };

  // log: of every loss l, log(l - bound + 1e-12) is minimized in its place: gradients are divided by
  // l - bound before the mix, and the heads' gradients too.
  int map = identity;
  double bound = 0.0;
  // w ← smoothing · (w before) + (1 - smoothing) · w: CR-MOGM (Zhou et al., NeurIPS 2022).
  double smoothing = 0.0;
  // paper: as the mix answers; unit: ‖Σ w_k g_k‖ = 1; match: as long as with the losses' own weights.
  // Without the gradients, the sum of the weights is that of the losses' own for both.
  int length = paper;
  // The weights of a Gramian mix are made anew every so many updates. In between they are kept, and
  // what the mix keeps rests.
  double refresh = 1.0;
  // What a scalarization sees: the values of the update before, or this batch's by a forward pass.
  int values = last;
  // Of what the Gramian is: the losses' gradients by the trunk's parameters, or by its output, in the
  // update before.
  int gradients = trunk;

  static constexpr std::array<std::string_view, 2> map_names{"none", "log"};
  static constexpr std::array<std::string_view, 3> length_names{"paper", "unit", "match"};
  static constexpr std::array<std::string_view, 2> values_names{"last", "batch"};
  static constexpr std::array<std::string_view, 2> gradients_names{"trunk", "output"};
  static constexpr auto options = std::to_array<MixOption<Composition>>({
      {.name = "map", .choice = &Composition::map, .names = map_names},
      {.name = "bound", .number = &Composition::bound, .least = -1e30, .most = 1e30},
      {.name = "smoothing", .number = &Composition::smoothing, .least = 0.0, .most = 0.999999},
      {.name = "length", .choice = &Composition::length, .names = length_names},
      {.name = "refresh",
       .number = &Composition::refresh,
       .least = 1.0,
       .most = 1e9,
       .whole = true},
      {.name = "values", .choice = &Composition::values, .names = values_names},
      {.name = "gradients", .choice = &Composition::gradients, .names = gradients_names},
  });

  constexpr double get(std::size_t i) const {
    const MixOption<Composition>& option = std::span<const MixOption<Composition>>(options)[i];
    return option.choice ? this->*option.choice : this->*option.number;
  }
  constexpr void set(std::size_t i, double value) {
    const MixOption<Composition>& option = std::span<const MixOption<Composition>>(options)[i];
    if (option.choice) {
      this->*option.choice = static_cast<int>(value);
    } else {
      this->*option.number = value;
    }
  }
};

// The mix of one group.
struct MixChoice {
  AnyMix mix;
  Composition with;
};

}  // namespace medley
