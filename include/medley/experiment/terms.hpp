// Terms: the named losses of an experiment.
//
//   static constexpr auto terms = std::tuple{
//       term<"colour">(SoftmaxCrossEntropy{}, 1.0),  // head and target are called colour too
//       term<"edges", "mask">(SoftIou{}, 0.5),       // head and target are called mask
//       term<"near", "place", "size">(MeanSquaredError{}, 0.5),  // its name, its head, its target
//       penalty<"decay">(L2Penalty{}, 1e-4)};
//
// On a mask, a term is taken over all labelled pixels of the batch or over each picture's; see Over
// in losses/loss.hpp. SoftIou and MulticlassSoftIou go by pictures unless they are told otherwise,
// all others by the batch:
//
//   term<"parts">(SoftmaxCrossEntropy{}).over_pictures(), term<"outline">(SoftIou{}).over_batch()
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "medley/base/name.hpp"
#include "medley/experiment/limits.hpp"
#include "medley/losses/loss.hpp"

namespace medley {

template <Name N, Name HeadName, Name TargetName, class LossType>
struct LossTerm {
  using Loss = LossType;
  static constexpr std::string_view name = N.view(), head = HeadName.view(),
                                    target = TargetName.view();
  static constexpr bool is_penalty = false;
  LossType loss;
  double weight;
  Over over = default_over<LossType>;

  constexpr LossTerm over_batch() const { return {loss, weight, Over::batch}; }
  constexpr LossTerm over_pictures() const { return {loss, weight, Over::pictures}; }
};

template <Name N, class PenaltyType>
struct PenaltyTerm {
  using Loss = PenaltyType;
  static constexpr std::string_view name = N.view(), head{}, target{};
  static constexpr bool is_penalty = true;
  PenaltyType loss;
  double weight;
};

template <Name N, class LossType>
constexpr LossTerm<N, N, N, LossType> term(LossType loss, double weight = 1.0) {
  return {loss, weight};
}
template <Name N, Name HeadAndTarget, class LossType>
constexpr LossTerm<N, HeadAndTarget, HeadAndTarget, LossType> term(LossType loss,
                                                                   double weight = 1.0) {
  return {loss, weight};
}
template <Name N, Name HeadName, Name TargetName, class LossType>
constexpr LossTerm<N, HeadName, TargetName, LossType> term(LossType loss, double weight = 1.0) {
  return {loss, weight};
}
// Acts on every weight of the network, not on biases nor normalization parameters.
template <Name N, class PenaltyType>
constexpr PenaltyTerm<N, PenaltyType> penalty(PenaltyType rule, double weight) {
  return {rule, weight};
}

}  // namespace medley
