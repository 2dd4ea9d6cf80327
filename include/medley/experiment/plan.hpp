// Which backward passes a step makes over one forward pass. Each is a direction: a group has one of
// all its terms, or, where its mix combines gradients, one for each of its losses. Groups in turn
// (alternating) use the same directions one after the other, others have directions of their own.
#pragma once

#include <array>
#include <cstdint>

#include "medley/experiment/limits.hpp"
#include "medley/experiment/step_mode.hpp"

namespace medley {

// How a group takes part in a step: not at all; its losses together, in one backward pass; each apart,
// in one of its own, to be combined; or apart through the heads alone, and together from the output of
// the trunk on.
enum class Takes : std::uint8_t { none, together, apart, at_output };

struct GroupPlan {
  TermSet terms = 0, penalties = 0;
  int losses = 0;
  std::array<int, max_terms> loss{};  // the term of each loss, in order
  int first = 0, directions = 1;      // those that are kept for it
  bool heads_apart = true;            // no two losses are on one head
  int first_pair =
      0;  // of losses, among the pairs of all groups that combine gradients: [i][j <= i]

  constexpr bool can_combine() const { return directions > 1; }
  constexpr int pairs() const { return losses * (losses + 1) / 2; }
  constexpr int pair(int a, int b) const {
    return first_pair + (a < b ? b * (b + 1) / 2 + a : a * (a + 1) / 2 + b);
  }
  // Terms of its direction i: all of them, or of losses apart one each; penalties belong to the first.
  constexpr TermSet terms_of(int i, bool apart) const {
    if (!apart) return i == 0 ? terms : 0;
    return (i < losses ? TermSet{1} << loss[i] : 0) | (i == 0 ? penalties : 0);
  }
};

// The groups of one step mode.
struct StepPlan {
  StepMode mode{};
  int first_group = 0;  // of this mode, among those of all modes
  int groups = 0;
  std::array<GroupPlan, max_groups> group{};
  int directions = 0, pairs = 0;
  // Whether every loss of the experiment has a direction to itself where all groups combine gradients.
  bool one_a_loss = false;

  constexpr bool in_turn() const { return mode == StepMode::alternating; }
  constexpr int group_of(int term) const {
    int g = 0;
    while (!(group[g].terms >> term & 1u)) ++g;
    return g;
  }
  // The direction of a loss, with the losses of its group apart or not.
  constexpr int direction_of(int term, bool apart) const {
    const GroupPlan& of = group[group_of(term)];
    int i = 0;
    while (!(of.terms_of(i, apart) >> term & 1u)) ++i;
    return of.first + i;
  }
};

// Of so many groups with these terms, of which some can combine gradients.
constexpr StepPlan plan_steps(StepMode mode, int first_group, int groups,
                              const std::array<TermSet, max_groups>& terms,
                              const std::array<bool, max_groups>& can_combine, TermSet penalties,
                              int term_count) {
  StepPlan plan{.mode = mode, .first_group = first_group, .groups = groups};
  TermSet apart = 0;  // losses with a direction to themselves
  int next = 0;
  for (int g = 0; g < groups; ++g) {
    GroupPlan& group = plan.group[g];
    group.terms = terms[g];
    group.penalties = terms[g] & penalties;
    for (int k = 0; k < term_count; ++k) {
      if ((terms[g] & ~penalties) >> k & 1u) group.loss[group.losses++] = k;
    }
    group.first = plan.in_turn() ? 0 : next;
    group.directions = can_combine[g] && group.losses > 1 ? group.losses : 1;
    next = group.first + group.directions;
    if (next > plan.directions) plan.directions = next;
    group.first_pair = plan.pairs;
    if (group.directions > 1) plan.pairs += group.pairs();
    if (group.directions >= group.losses && (!plan.in_turn() || groups == 1)) apart |= group.terms;
  }
  plan.one_a_loss = (apart | penalties) == (TermSet{1} << term_count) - 1;
  return plan;
}

}  // namespace medley
