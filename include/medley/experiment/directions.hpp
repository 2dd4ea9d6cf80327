// The step modes, groups and mixes that an experiment lists, and the plan of each mode.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "medley/base/any_of.hpp"
#include "medley/experiment/plan.hpp"
#include "medley/experiment/steps.hpp"
#include "medley/experiment/terms.hpp"
#include "medley/mixes/mix.hpp"

namespace medley {

// f(std::integral_constant) for 0 .. Count - 1.
template <int Count, class F>
constexpr void each_index(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) { (f(std::integral_constant<int, I>{}), ...); }
  (std::make_integer_sequence<int, Count>{});
}

template <class Experiment>
struct Directions {
  using Terms = std::remove_cvref_t<decltype(Experiment::terms)>;
  static constexpr int term_count = std::tuple_size_v<Terms>;

  // Step modes, and the groups of all of them one after the other.
  static constexpr auto modes = parts_of(Experiment::steps);
  static constexpr int mode_count = std::tuple_size_v<std::remove_cvref_t<decltype(modes)>>;
  static constexpr auto groups =
      std::apply([](const auto&... mode) { return std::tuple_cat(mode.groups...); }, modes);
  using Groups = std::remove_cvref_t<decltype(groups)>;
  static constexpr int group_count = std::tuple_size_v<Groups>;
  template <int G>
  using GroupAt = std::tuple_element_t<G, Groups>;

  // The mixes that a group may have: its own, or the experiment's.
  static constexpr auto mixes = parts_of(Experiment::mix);
  template <int G>
  static constexpr auto mixes_of() {
    if constexpr (GroupAt<G>::has_own_mix) {
      return parts_of(std::get<G>(groups).mix);
    } else {
      return mixes;
    }
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
    each_index<group_count>([&](auto g) {
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
  // Whether a mix that a group may have combines gradients, and the doubles that one keeps at most.
  static constexpr std::array<bool, group_count> can_combine = [] {
    std::array<bool, group_count> can{};
    each_index<group_count>([&](auto g) {
      std::apply(
          [&](const auto&... mix) {
            can[g] = (false || ... || takes_apart<std::remove_cvref_t<decltype(mix)>>());
          },
          mixes_of<decltype(g)::value>());
    });
    return can;
  }();

  // Whether no two losses of a set are on one head.
  static constexpr bool heads_apart(TermSet terms) {
    const auto heads = []<int... K>(std::integer_sequence<int, K...>) {
      return std::array<std::string_view, term_count>{std::tuple_element_t<K, Terms>::head...};
    }
    (std::make_integer_sequence<int, term_count>{});
    for (int k = 0; k < term_count; ++k) {
      for (int j = 0; j < k; ++j) {
        const TermSet both = TermSet{1} << k | TermSet{1} << j;
        if ((terms & ~penalties & both) == both && heads[j] == heads[k]) return false;
      }
    }
    return true;
  }

  static constexpr std::array<StepPlan, mode_count> plans = [] {
    std::array<StepPlan, mode_count> list{};
    int first = 0;
    each_index<mode_count>([&](auto m) {
      constexpr int count = std::get<m>(modes).group_count;
      std::array<TermSet, max_groups> terms{};
      std::array<bool, max_groups> can{};
      for (int g = 0; g < count; ++g) {
        terms[g] = group_terms[first + g];
        can[g] = can_combine[first + g];
      }
      list[m] =
          plan_steps(std::get<m>(modes).mode, first, count, terms, can, penalties, term_count);
      for (int g = 0; g < count; ++g)
        list[m].group[g].heads_apart = heads_apart(group_terms[first + g]);
      first += count;
    });
    return list;
  }();
  static constexpr int most_groups = std::ranges::max_element(plans, {}, &StepPlan::groups)->groups;
  // Whether a mix needs the gradient of a validation batch, which has the last direction to itself.
  static constexpr bool validates = [] {
    bool any = false;
    each_index<group_count>([&](auto g) {
      std::apply([&]<class... M>(const M&...) { any |= (mix_needs<M>().validation || ...); },
                 mixes_of<decltype(g)::value>());
    });
    return any;
  }();
  static constexpr int directions =
      std::ranges::max_element(plans, {}, &StepPlan::directions)->directions + int{validates};
  static constexpr int most_losses_apart = [] {
    int most = 0;
    for (const StepPlan& plan : plans) {
      for (int g = 0; g < plan.groups; ++g) {
        if (plan.group[g].can_combine()) most = std::max(most, plan.group[g].losses);
      }
    }
    return most;
  }();
  static constexpr int pairs = std::ranges::max_element(plans, {}, &StepPlan::pairs)->pairs;
  static constexpr bool any_combines = pairs > 0;

  // The mode in which losses are measured apart: one with a direction for each, if there is one.
  static constexpr int measuring_mode = [] {
    for (int m = 0; m < mode_count; ++m) {
      if (plans[m].one_a_loss) return m;
    }
    return 0;
  }();
  static constexpr bool one_a_loss = plans[measuring_mode].one_a_loss;

  // Doubles that are kept of a group's losses: none where its weights are the losses' own, or a
  // constant of them; else what all mixes keep, and the largest state of a mix.
  static constexpr std::size_t state_doubles(int group) {
    std::size_t most = 0;
    each_index<group_count>([&](auto g) {
      if (g != group) return;
      int losses = 0;
      for (TermSet set = group_terms[g] & ~penalties; set != 0; set &= set - 1) ++losses;
      std::apply(
          [&]<class... M>(const M&...) {
            if ((is_constant_mix<M>() && ...)) return;
            most = std::max({mix_state_size<M>(losses)...}) + common_mix_doubles(losses);
          },
          mixes_of<decltype(g)::value>());
    });
    return most;
  }
};

}  // namespace medley
