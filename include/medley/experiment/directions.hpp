// Which backward passes a step makes over one forward pass. Each is a direction: a group has one of
// all its terms, or, where its mix needs the Gramian, one for each of its losses. Groups in turn
// (alternating) use the same directions one after the other, others have directions of their own.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "medley/experiment/steps.hpp"
#include "medley/experiment/terms.hpp"
#include "medley/mixes/mix.hpp"

namespace medley {

template <class Experiment>
struct Directions {
  using Terms = std::remove_cvref_t<decltype(Experiment::terms)>;
  using Groups = std::remove_cvref_t<decltype(Experiment::steps.groups)>;
  static constexpr int term_count = std::tuple_size_v<Terms>;
  static constexpr int group_count = std::tuple_size_v<Groups>;
  static constexpr bool in_turn = Experiment::steps.mode == StepMode::alternating;

  template <int G>
  using GroupAt = std::tuple_element_t<G, Groups>;
  // The mix of a group: its own, or the experiment's.
  template <int G>
  static constexpr auto mix_of() {
    if constexpr (GroupAt<G>::has_own_mix) {
      return std::get<G>(Experiment::steps.groups).mix;
    } else {
      return Experiment::mix;
    }
  }
  template <int G>
  using MixAt = std::remove_cvref_t<decltype(mix_of<G>())>;

  // f(std::integral_constant) for every group.
  template <class F>
  static constexpr void each_group(F&& f) {
    [&]<int... G>(std::integer_sequence<int, G...>) { (f(std::integral_constant<int, G>{}), ...); }
    (std::make_integer_sequence<int, group_count>{});
  }

  static constexpr TermSet penalties = []<int... K>(std::integer_sequence<int, K...>) {
    return (TermSet{0} | ... | (TermSet{std::tuple_element_t<K, Terms>::is_penalty} << K));
  }
  (std::make_integer_sequence<int, term_count>{});

  // Terms of a group; a group without names has all.
  static constexpr std::array<TermSet, group_count> group_terms = [] {
    const auto term_names = []<int... K>(std::integer_sequence<int, K...>) {
      return std::array<std::string_view, term_count>{std::tuple_element_t<K, Terms>::name...};
    }
    (std::make_integer_sequence<int, term_count>{});
    std::array<TermSet, group_count> sets{};
    each_group([&](auto g) {
      using GroupType = GroupAt<decltype(g)::value>;
      if (GroupType::terms.empty()) sets[g] = (TermSet{1} << term_count) - 1;
      for (const std::string_view name : GroupType::terms) {
        for (int k = 0; k < term_count; ++k) {
          if (term_names[k] == name) sets[g] |= TermSet{1} << k;
        }
      }
    });
    return sets;
  }();
  static constexpr int losses_of(int g) {
    int losses = 0;
    for (TermSet set = group_terms[g] & ~penalties; set != 0; set &= set - 1) ++losses;
    return losses;
  }
  // Term of the loss of this rank in a group.
  static constexpr int loss_of(int g, int rank) {
    int term = -1;
    for (int k = 0; k < term_count && rank >= 0; ++k) {
      if ((group_terms[g] & ~penalties) >> k & 1u) {
        term = k;
        --rank;
      }
    }
    return term;
  }

  // Whether a group's mix combines gradients, one a loss.
  static constexpr std::array<bool, group_count> combines = [] {
    std::array<bool, group_count> needs{};
    each_group([&](auto g) { needs[g] = needs_gramian<MixAt<decltype(g)::value>>(); });
    return needs;
  }();
  static constexpr bool any_combines = std::ranges::any_of(combines, [](bool c) { return c; });
  static constexpr int count_of(int g) { return combines[g] ? std::max(losses_of(g), 1) : 1; }
  static constexpr int first_of(int g) {
    int first = 0;
    for (int before = 0; before < g && !in_turn; ++before) first += count_of(before);
    return first;
  }
  static constexpr int count = [] {
    int most = 0;
    for (int g = 0; g < group_count; ++g) most = std::max(most, first_of(g) + count_of(g));
    return most;
  }();
  // Terms of direction i of a group, from 0; penalties belong to the first.
  static constexpr TermSet terms_of(int g, int i) {
    if (!combines[g]) return group_terms[g];
    const TermSet loss = losses_of(g) > i ? TermSet{1} << loss_of(g, i) : 0;
    return loss | (i == 0 ? group_terms[g] & penalties : 0);
  }
  static constexpr int group_of(int term) {
    int group = 0;
    while (!(group_terms[group] >> term & 1u)) ++group;
    return group;
  }
  // The direction that a loss is in.
  static constexpr int direction_of(int term) {
    const int g = group_of(term);
    int i = 0;
    while (!(terms_of(g, i) >> term & 1u)) ++i;
    return first_of(g) + i;
  }
  // Whether every loss has a direction to itself.
  static constexpr bool one_a_loss = [] {
    TermSet seen = 0;
    for (int k = 0; k < term_count; ++k) {
      if (penalties >> k & 1u) continue;
      if (seen >> direction_of(k) & 1u) return false;
      seen |= TermSet{1} << direction_of(k);
    }
    return true;
  }();

  // Where the pairs of a group's losses begin among those of all groups; [i][j <= i].
  static constexpr int pairs_of(int g) {
    return combines[g] ? losses_of(g) * (losses_of(g) + 1) / 2 : 0;
  }
  static constexpr int first_pair(int g) {
    int first = 0;
    for (int before = 0; before < g; ++before) first += pairs_of(before);
    return first;
  }
  static constexpr int pair_count = first_pair(group_count);
  static constexpr std::size_t state_doubles(int g) {
    std::size_t doubles = 0;
    each_group([&](auto h) {
      if (h == g) doubles = mix_state_size<MixAt<decltype(h)::value>>(losses_of(g));
    });
    return doubles;
  }
};

}  // namespace medley
