// Whether an experiment is right, and if not, the sentence that says what is wrong. Checks stand in
// an order in which each may rely on those before it, and the first that fails is the last: so that
// a mistake gives one error, which names it, and nothing after it is looked at.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "medley/base/sentence.hpp"
#include "medley/losses/loss.hpp"
#include "medley/mixes/mix.hpp"
#include "medley/network/check_layers.hpp"
#include "medley/optimizers/optimizer.hpp"
#include "medley/training/check_description.hpp"

namespace medley {

namespace detail {

// --- network -------------------------------------------------------------------------------------

template <class Trunk, class Heads>
struct GraphsOf;
template <class Trunk, class... Heads>
struct GraphsOf<Trunk, std::tuple<Heads...>> : NetworkGraph<Trunk, Heads...> {};
template <class E>
using Graphs = GraphsOf<typename E::Trunk, typename E::Heads>;

template <class E>
constexpr Sentence wrong_network() {
  using Graph = typename Graphs<E>::graph;
  constexpr Sentence wrong = wrong_layer<Graph, E::input>;
  if constexpr (!wrong.empty()) {
    return wrong;
  } else {
    int parameters = 0;
    NodeList<Graph>::each(
        [&](auto i) { parameters += NodeList<Graph>::template parameter_count<i>; });
    if (parameters == 0)
      return Sentence{"no layer of the network has parameters: there is nothing to train"};
    return {};
  }
}

// --- numbers of parts ----------------------------------------------------------------------------

// ": name value, name value" of a part's options, where they can be told while compiling.
template <class Part>
constexpr Sentence numbers_of(const Part& part) {
  Sentence numbers;
  part.options([&](std::string_view name, auto value) {
    numbers.add({numbers.empty() ? ": " : ", ", name, " ", static_cast<double>(value)});
  });
  return numbers;
}
template <class Part>
constexpr bool are_finite(const Part& part) {
  bool finite = true;
  part.options([&](std::string_view, auto value) {
    finite = finite && is_between(static_cast<double>(value), -largest_number, largest_number);
  });
  return finite;
}

template <auto Part>
concept TellsNumbers = requires {
  typename std::bool_constant<(numbers_of(Part()), true)>;
};

// What is wrong with the numbers of the part that Part() returns, which says itself whether it is Valid.
template <auto Part, bool Valid>
constexpr Sentence wrong_numbers_of(const Sentence& where, const Sentence& what) {
  if constexpr (TellsNumbers<Part>) {
    if (Valid && are_finite(Part())) return {};
    return Sentence{where, what, numbers_of(Part())};
  } else {
    return Valid ? Sentence{} : Sentence{where, what};
  }
}

// --- terms ---------------------------------------------------------------------------------------

template <std::size_t Size>
constexpr int index_of(std::string_view name, const std::array<std::string_view, Size>& names) {
  for (std::size_t i = 0; i < Size; ++i) {
    if (names[i] == name) return static_cast<int>(i);
  }
  return -1;
}

// How the shape of a head suits the target that a loss compares it with.
template <class Rule>
constexpr Sentence wrong_shapes(Shape head, const TargetSpec& target, Shape input) {
  const bool mask = target.kind == TargetKind::mask;
  const bool labels = Rule::compares == Compares::labels;
  const Sentence ends{"its head ends in ", shape_text(head), " (channels x height x width), but "};
  if (mask && (head.h != input.h || head.w != input.w))
    return Sentence{ends, "a mask is as high and wide as the input, ", input.h, "x", input.w};
  if (!mask && head.pixels() > 1)
    return Sentence{
        ends, "its target is no mask: a dense layer or global average pooling gives one pixel"};
  if (dense_only<Rule> && !mask)
    return Sentence{Rule::type, " needs a mask as its target, and ", target.name, " is none"};
  if (labels && target.kind == TargetKind::values)
    return Sentence{Rule::type, " compares with classes, but target ", target.name, " has values"};
  const bool one_for_two = head.c == 1 && target.size == 2 && target.kind != TargetKind::values;
  if (head.c == target.size || (!labels && one_for_two)) return {};
  return Sentence{ends,
                  "target ",
                  target.name,
                  " has ",
                  target.size,
                  target.kind == TargetKind::values ? " values" : " classes",
                  !labels && target.size == 2 && target.kind != TargetKind::values
                      ? ": give it as many channels, or one"
                      : ": give it as many channels"};
}

template <class E, std::size_t K>
constexpr Sentence wrong_loss(const Sentence& where) {
  using T = std::tuple_element_t<K, std::remove_cvref_t<decltype(E::terms)>>;
  using Rule = typename T::Rule;
  constexpr auto heads = names_in<typename E::Heads>;
  constexpr int h = index_of(T::head, heads), t = index_of(T::target, target_names<E>);
  if constexpr (h < 0) {
    return Sentence{where, "there is no head ", T::head, "; there are: ", listed(heads)};
  } else if constexpr (t < 0) {
    return Sentence{where, "there is no target ", T::target,
                    "; there are: ", listed(target_names<E>)};
  } else {
    using G = Graphs<E>;
    constexpr Shape head = checked_layers<typename G::graph, E::input>.shapes[G::head_output[h]];
    constexpr std::string_view lacks = lacking_in_loss<Rule, head.c>();
    if constexpr (!lacks.empty()) {
      return Sentence{where,
                      lacking_in_penalty<Rule>().empty()
                          ? "this is a penalty<...>, no term<...>; as a loss it"
                          : "its loss",
                      " lacks ", lacks, ": see losses/loss.hpp"};
    } else {
      const Sentence shapes = wrong_shapes<Rule>(head, E::targets[t], E::input);
      if (!shapes.empty()) return Sentence{where, shapes};
      return wrong_numbers_of<[] { return std::get<K>(E::terms).rule; },
                              std::get<K>(E::terms).rule.valid(head.c)>(
          where,
          Sentence{"the numbers of ", Rule::type, " are not allowed for ", head.c, " channels"});
    }
  }
}

template <class E, std::size_t K>
constexpr Sentence wrong_term() {
  using T = std::tuple_element_t<K, std::remove_cvref_t<decltype(E::terms)>>;
  const double weight = std::get<K>(E::terms).weight;
  const Sentence where{"term ", T::name, ": "};
  if (!is_between(weight, -largest_number, largest_number))
    return Sentence{where, "its weight is ", weight};
  if constexpr (T::is_penalty) {
    constexpr std::string_view lacks = lacking_in_penalty<typename T::Rule>();
    return lacks.empty() ? Sentence{}
                         : Sentence{where, "its penalty lacks ", lacks, ": see losses/loss.hpp"};
  } else {
    return wrong_loss<E, K>(where);
  }
}

// --- groups --------------------------------------------------------------------------------------

template <class E, std::size_t G>
constexpr Sentence wrong_group() {
  using Terms = std::remove_cvref_t<decltype(E::terms)>;
  using GroupType = std::tuple_element_t<G, std::remove_cvref_t<decltype(E::steps.groups)>>;
  using Rule = typename GroupType::Rule;
  constexpr auto terms = names_in<Terms>;
  const Sentence where{"group ", GroupType::name, ": "};
  for (std::size_t i = 0; i < GroupType::terms.size(); ++i) {
    const std::string_view name = GroupType::terms[i];
    if (index_of(name, terms) < 0)
      return Sentence{where, "there is no term ", name, "; there are: ", listed(terms)};
    for (std::size_t j = 0; j < i; ++j) {
      if (GroupType::terms[j] == name) return Sentence{where, "it names term ", name, " twice"};
    }
  }
  const GroupType& group = std::get<G>(E::steps.groups);
  if (group.times < 1)
    return Sentence{where, ".repeated(", group.times, ") makes no update: at least 1"};
  if (E::steps.mode != StepMode::alternating && group.times != 1)
    return Sentence{where, ".repeated(", group.times, ") is for alternating steps alone"};
  if (E::steps.mode != StepMode::alternating && group.next_batch)
    return Sentence{where, ".on_next_batch() is for alternating steps alone"};
  constexpr std::string_view lacks = lacking_in_optimizer<Rule>();
  if constexpr (!lacks.empty()) {
    return Sentence{where, "its optimizer lacks ", lacks, ": see optimizers/optimizer.hpp"};
  } else {
    constexpr auto optimizer = [] { return std::get<G>(E::steps.groups).optimizer; };
    return wrong_numbers_of<optimizer, optimizer().valid()>(
        where, Sentence{"the numbers of ", Rule::type, " are not allowed"});
  }
}

// The groups that have a term: those that name it, and those that name none.
template <class E>
constexpr Sentence wrong_membership() {
  constexpr auto terms = names_in<decltype(E::terms)>;
  constexpr auto groups = names_in<decltype(E::steps.groups)>;
  for (const std::string_view term : terms) {
    int members = 0;
    Sentence names;
    std::apply(
        [&](const auto&... group) {
          const auto count = [&](const auto& of, std::string_view name) {
            if (!of.terms.empty() && index_of(term, of.terms) < 0) return;
            names.add({members == 0 ? "" : " and ", name});
            ++members;
          };
          (count(group, group.name), ...);
        },
        E::steps.groups);
    if (members == 0)
      return Sentence{"term ", term, " is in no group; there are: ", listed(groups)};
    if (members > 1)
      return Sentence{"term ", term, " is in the groups ", names, ": it can be in one alone"};
  }
  return {};
}

template <class E, std::size_t G>
constexpr Sentence wrong_mix_of_group() {
  using GroupType = std::tuple_element_t<G, std::remove_cvref_t<decltype(E::steps.groups)>>;
  using Terms = std::remove_cvref_t<decltype(E::terms)>;
  using M = std::remove_cvref_t<decltype(E::mix)>;
  constexpr int losses = []<class... T>(std::type_identity<std::tuple<T...>>) {
    const auto in = [](std::string_view name) {
      return GroupType::terms.empty() || index_of(name, GroupType::terms) >= 0;
    };
    return (0 + ... + (!T::is_penalty && in(T::name) ? 1 : 0));
  }(std::type_identity<Terms>{});
  return wrong_numbers_of<[] { return E::mix; }, E::mix.valid(losses)>(
      Sentence{"group ", GroupType::name, ": "},
      Sentence{"mix ", M::type, " with its numbers (", M::usage, ") cannot serve ", losses,
               losses == 1 ? " loss" : " losses"});
}

template <class E>
constexpr Sentence wrong_mix() {
  using M = std::remove_cvref_t<decltype(E::mix)>;
  constexpr std::string_view lacks = lacking_in_mix<M>();
  if constexpr (!lacks.empty()) {
    return Sentence{"the mix lacks ", lacks, ": see mixes/mix.hpp"};
  } else {
    return []<std::size_t... G>(std::index_sequence<G...>) {
      return first_of(wrong_mix_of_group<E, G>()...);
    }
    (std::make_index_sequence<E::steps.group_count>{});
  }
}

template <class E>
constexpr Sentence wrong_terms_and_groups() {
  constexpr Sentence terms = []<std::size_t... K>(std::index_sequence<K...>) {
    return first_of(wrong_term<E, K>()...);
  }
  (std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(E::terms)>>>{});
  if constexpr (!terms.empty()) {
    return terms;
  } else {
    constexpr Sentence groups = []<std::size_t... G>(std::index_sequence<G...>) {
      return first_of(wrong_group<E, G>()...);
    }
    (std::make_index_sequence<E::steps.group_count>{});
    return first_of(groups, wrong_membership<E>(), wrong_mix<E>());
  }
}

// The checks one after the other, of which each is made if those before it found nothing.
template <class E>
constexpr Sentence wrong_experiment() {
  constexpr Sentence members = wrong_members<E>();
  if constexpr (!members.empty()) {
    return members;
  } else {
    constexpr Sentence description = first_of(wrong_names<E>(), wrong_numbers<E>());
    if constexpr (!description.empty()) {
      return description;
    } else {
      constexpr Sentence network = wrong_network<E>();
      if constexpr (!network.empty()) {
        return network;
      } else {
        return wrong_terms_and_groups<E>();
      }
    }
  }
}

}  // namespace detail

template <class Experiment>
inline constexpr Sentence wrong_experiment = detail::wrong_experiment<Experiment>();

// False after an error that says why.
template <class Experiment>
inline constexpr bool is_right_experiment = is_right<wrong_experiment<Experiment>>;

}  // namespace medley
