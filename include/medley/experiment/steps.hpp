// Step modes and groups: which optimizer minimizes which terms, and when.
//
//   joint(Adam{})                             one group of all terms: one gradient, one update
//   simultaneous(group<"labels", "colour", "size">(Adam{}), group<"shape", "mask">(Sgd{}))
//                                             one forward pass at θ; each group's gradient at that
//                                             θ; θ ← θ + Δ_1 + … + Δ_m
//   alternating(group<...>(...), group<...>(...).repeated(2).on_next_batch())
//                                             groups in turn, each from the θ that the last one
//                                             left
//
// A group's name comes first, then its terms. The experiment's mix holds for a group, or one of its
// own: group<...>(Adam{}).mixed_by(PcGrad{}). Several modes: any_of(joint(...), alternating(...)), of
// which --steps-mode chooses one; the first is the default.
#pragma once

#include <array>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "medley/base/name.hpp"
#include "medley/experiment/step_mode.hpp"
#include "medley/optimizers/optimizer.hpp"

namespace medley {

// Of a group that has no mix of its own.
struct ExperimentsMix {};

template <Name N, class OptimizerType, class MixType, Name... Terms>
struct Group {
  using UpdateRule = OptimizerType;
  using Mixing = MixType;
  static constexpr bool has_own_mix = !std::is_same_v<MixType, ExperimentsMix>;
  static constexpr std::string_view name = N.view();
  static constexpr std::array<std::string_view, sizeof...(Terms)> terms{Terms.view()...};

  OptimizerType optimizer;
  MixType mix{};
  int times = 1;            // updates in a round (alternating)
  bool next_batch = false;  // each of them on a batch of its own (alternating)

  constexpr Group repeated(int count) const { return {optimizer, mix, count, next_batch}; }
  constexpr Group on_next_batch() const { return {optimizer, mix, times, true}; }
  template <class M>
  constexpr Group<N, OptimizerType, M, Terms...> mixed_by(M own) const {
    return {optimizer, own, times, next_batch};
  }
};

template <Name N, Name... Terms, class OptimizerType>
constexpr Group<N, OptimizerType, ExperimentsMix, Terms...> group(OptimizerType optimizer) {
  return {optimizer};
}

template <StepMode Mode, class... Groups>
struct Steps {
  static constexpr StepMode mode = Mode;
  static constexpr int group_count = sizeof...(Groups);
  std::tuple<Groups...> groups;
};

template <class OptimizerType>
constexpr auto joint(OptimizerType optimizer) {
  return Steps<StepMode::joint, Group<"all", OptimizerType, ExperimentsMix>>{{{optimizer}}};
}
template <class... Groups>
constexpr Steps<StepMode::simultaneous, Groups...> simultaneous(Groups... groups) {
  return {{groups...}};
}
template <class... Groups>
constexpr Steps<StepMode::alternating, Groups...> alternating(Groups... groups) {
  return {{groups...}};
}

}  // namespace medley
