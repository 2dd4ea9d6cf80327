// Whether an experiment is right, and if not, the sentence that says what is wrong. Checks stand in
// an order in which each may rely on those before it, and the first that fails is the last: so that
// a mistake gives one error, which names it, and nothing after it is looked at.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "medley/base/sentence.hpp"
#include "medley/experiment/check_description.hpp"
#include "medley/experiment/directions.hpp"
#include "medley/losses/loss.hpp"
#include "medley/mixes/mix.hpp"
#include "medley/network/check_layers.hpp"
#include "medley/optimizers/optimizer.hpp"

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

template <class Part>
constexpr bool are_finite(const Part& part) {
  bool finite = true;
  part.options([&](std::string_view, auto value) {
    finite = finite && is_between(static_cast<double>(value), -largest_number, largest_number);
  });
  return finite;
}
// Whether the numbers of what Part() returns can be told while compiling.
template <auto Part>
concept TellsNumbers = requires {
  typename std::bool_constant<are_finite(Part())>;
};

// Whether the numbers of what Part() returns, which says itself that they are Valid, are allowed.
template <auto Part, bool Valid>
constexpr bool allows_numbers() {
  if constexpr (TellsNumbers<Part>) return Valid && are_finite(Part());
  return Valid;
}
// ": name value, name value", or nothing.
template <auto Part>
constexpr Sentence numbers_of() {
  Sentence numbers;
  if constexpr (TellsNumbers<Part>) {
    Part().options([&](std::string_view name, auto value) {
      numbers.add({numbers.empty() ? ": " : ", ", name, " ", static_cast<double>(value)});
    });
  }
  return numbers;
}

template <class E, std::size_t K>
using TermAt = std::tuple_element_t<K, std::remove_cvref_t<decltype(E::terms)>>;
// With the name of the term or group that it is about.
template <class Named>
constexpr Sentence about(std::string_view kind, const Sentence& wrong) {
  return wrong.empty() ? wrong : Sentence{kind, Named::name, ": ", wrong};
}

template <class E, std::size_t M, std::size_t G>
using GroupAt = std::tuple_element_t<G, GroupsIn<E, M>>;
// The first sentence of f(constant) over the groups of a step mode, with the group's name.
template <class E, std::size_t M, class F>
constexpr Sentence in_each_group(F&& f) {
  return [&]<std::size_t... G>(std::index_sequence<G...>) {
    return first_of(
        about<GroupAt<E, M, G>>("group ", f(std::integral_constant<std::size_t, G>{}))...);
  }
  (std::make_index_sequence<std::tuple_size_v<GroupsIn<E, M>>>{});
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
template <class Loss>
constexpr Sentence wrong_shapes(Shape head, const TargetSpec& target, Shape input) {
  const bool mask = target.kind == TargetKind::mask;
  const bool labels = Loss::compares == Compares::labels;
  const auto ends = [&](const Sentence& but) {
    return Sentence{"its head ends in ", shape_text(head), " (channels x height x width), but ",
                    but};
  };
  if (mask && (head.h != input.h || head.w != input.w))
    return ends({"a mask is as high and wide as the input, ", input.h, "x", input.w});
  if (!mask && head.pixels() > 1)
    return ends({"its target is no mask: a dense layer or global average pooling gives one pixel"});
  if (dense_only<Loss> && !mask)
    return Sentence{Loss::type, " needs a mask as its target, and ", target.name, " is none"};
  if (labels && target.kind == TargetKind::values)
    return Sentence{Loss::type, " compares with classes, but target ", target.name, " has values"};
  const bool two = !labels && target.size == 2 && target.kind != TargetKind::values;
  if (head.c == target.size || (two && head.c == 1)) return {};
  return ends({"target ", target.name, " has ", target.size,
               target.kind == TargetKind::values ? " values" : " classes",
               ": give it as many channels", two ? ", or one" : ""});
}

template <class E, std::size_t K>
constexpr Sentence wrong_loss() {
  using T = TermAt<E, K>;
  using Loss = typename T::Loss;
  constexpr auto heads = names_in<typename E::Heads>;
  constexpr int h = index_of(T::head, heads), t = index_of(T::target, target_names<E>);
  if constexpr (h < 0) {
    return Sentence{"there is no head ", T::head, "; there are: ", listed(heads)};
  } else if constexpr (t < 0) {
    return Sentence{"there is no target ", T::target, "; there are: ", listed(target_names<E>)};
  } else {
    using G = Graphs<E>;
    constexpr Shape head = checked_layers<typename G::graph, E::input>.shapes[G::head_output[h]];
    constexpr std::string_view lacks = lacking_in_loss<Loss, head.c>();
    if constexpr (!lacks.empty()) {
      return Sentence{lacking_in_penalty<Loss>().empty()
                          ? "this is a penalty<...>, no term<...>; as a loss it"
                          : "its loss",
                      " lacks ", lacks, ": see losses/loss.hpp"};
    } else {
      constexpr auto loss = [] { return std::get<K>(E::terms).loss; };
      const Sentence shapes = wrong_shapes<Loss>(head, E::targets[t], E::input);
      if (!shapes.empty() || allows_numbers<loss, loss().valid(head.c)>()) return shapes;
      return Sentence{"the numbers of ", Loss::type,        " are not allowed for ", head.c,
                      " channels",       numbers_of<loss>()};
    }
  }
}

template <class E, std::size_t K>
constexpr Sentence wrong_term() {
  using T = TermAt<E, K>;
  const double weight = std::get<K>(E::terms).weight;
  if (!is_between(weight, -largest_number, largest_number))
    return Sentence{"its weight is ", weight, "; it must be finite, at most ", largest_number};
  if constexpr (T::is_penalty) {
    constexpr std::string_view lacks = lacking_in_penalty<typename T::Loss>();
    return lacks.empty() ? Sentence{}
                         : Sentence{"its penalty lacks ", lacks, ": see losses/loss.hpp"};
  } else {
    return wrong_loss<E, K>();
  }
}

// --- groups --------------------------------------------------------------------------------------

template <class E, std::size_t M, std::size_t G>
constexpr Sentence wrong_group() {
  using Terms = std::remove_cvref_t<decltype(E::terms)>;
  using GroupType = GroupAt<E, M, G>;
  constexpr StepMode mode = std::get<M>(modes_of<E>).mode;
  using UpdateRule = typename GroupType::UpdateRule;
  constexpr auto terms = names_in<Terms>;
  for (std::size_t i = 0; i < GroupType::terms.size(); ++i) {
    const std::string_view name = GroupType::terms[i];
    if (index_of(name, terms) < 0)
      return Sentence{"there is no term ", name, "; there are: ", listed(terms)};
    for (std::size_t j = 0; j < i; ++j) {
      if (GroupType::terms[j] == name) return Sentence{"it names term ", name, " twice"};
    }
  }
  const GroupType& group = std::get<G>(std::get<M>(modes_of<E>).groups);
  if (group.times < 1) return Sentence{".repeated(", group.times, ") makes no update: at least 1"};
  if (mode != StepMode::alternating && group.times != 1)
    return Sentence{".repeated(", group.times, ") is for alternating steps alone"};
  if (mode != StepMode::alternating && group.next_batch)
    return Sentence{".on_next_batch() is for alternating steps alone"};
  constexpr std::string_view lacks = lacking_in_optimizer<UpdateRule>();
  if constexpr (!lacks.empty()) {
    return Sentence{"its optimizer lacks ", lacks, ": see optimizers/optimizer.hpp"};
  } else {
    constexpr auto optimizer = [] {
      return std::get<G>(std::get<M>(modes_of<E>).groups).optimizer;
    };
    if (allows_numbers<optimizer, optimizer().valid()>()) return {};
    return Sentence{"the numbers of ", UpdateRule::type, " are not allowed",
                    numbers_of<optimizer>()};
  }
}

// The groups that have a term: those that name it, and those that name none.
template <class E, std::size_t M>
constexpr Sentence wrong_membership() {
  constexpr auto terms = names_in<decltype(E::terms)>;
  constexpr auto groups = names_in<GroupsIn<E, M>>;
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
        std::get<M>(modes_of<E>).groups);
    if (members == 0)
      return Sentence{"term ", term, " is in no group; there are: ", listed(groups)};
    if (members > 1)
      return Sentence{"term ", term, " is in the groups ", names, ": it can be in one alone"};
  }
  return {};
}

// A mix, as it is listed for a group with so many losses; where it is the only one, it must serve them.
// (Else a group with one loss has that loss's own weight.) One of penalties alone needs none.
template <auto Part>
constexpr Sentence wrong_mix(int losses, bool alone) {
  using M = std::remove_cvref_t<decltype(Part())>;
  constexpr std::string_view lacks = lacking_in_mix<M>();
  if constexpr (!lacks.empty()) {
    return Sentence{"its mix lacks ", lacks, ": see mixes/mix.hpp"};
  } else {
    if (alone && losses < least_losses_of<M>())
      return Sentence{"mix ",
                      M::type,
                      " cannot serve ",
                      losses,
                      losses == 1 ? " loss" : " losses",
                      "; at least ",
                      least_losses_of<M>()};
    const M mix = Part();
    const auto wrong = [](std::string_view option, double value, double least, double most) {
      return Sentence{"mix ", M::type, ": ", option, " is ", value, "; from ", least, " to ", most};
    };
    for (const MixOption<M>& option : mix_options<M>()) {
      const double value = option.choice != nullptr ? mix.*option.choice : mix.*option.number;
      const double most =
          option.choice != nullptr ? static_cast<double>(option.names.size()) - 1.0 : option.most;
      if (!is_between(value, option.least, most))
        return wrong(option.name, value, option.least, most);
    }
    for (const MixLossOption<M>& option : mix_loss_options<M>()) {
      for (const double value : mix.*option.numbers) {
        if (value != option.none && !is_between(value, option.least, option.most))
          return wrong(option.name, value, option.least, option.most);
      }
    }
    return {};
  }
}
// All mixes of a list. Options name them, so that each is there once.
template <auto List>
constexpr Sentence wrong_mixes(int losses) {
  using Parts = decltype(List());
  constexpr Sentence wrong_one = []<std::size_t... I>(std::index_sequence<I...>) {
    return first_of(wrong_mix<[] { return std::get<I>(List()); }>(most_losses, false)...);
  }
  (std::make_index_sequence<std::tuple_size_v<Parts>>{});
  if constexpr (!wrong_one.empty()) {
    return wrong_one;
  } else if constexpr (std::tuple_size_v<Parts> == 1) {
    return wrong_mix<[] { return std::get<0>(List()); }>(losses, true);
  } else {
    return []<class... M>(const std::tuple<M...>*) {
      const std::array<std::string_view, sizeof...(M)> types{M::type...};
      for (std::size_t i = 0; i < types.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          if (types[i] == types[j]) return Sentence{"mix ", types[i], " is listed twice"};
        }
      }
      return Sentence{};
    }(static_cast<const Parts*>(nullptr));
  }
}

// (One closure for all groups that have them: they are checked once.)
template <class E>
inline constexpr auto mixes_of_experiment = [] { return parts_of(E::mix); };

template <class E, std::size_t M, std::size_t G>
constexpr Sentence wrong_mix_of_group() {
  constexpr TermSet penalties = [] {
    TermSet set = 0, bit = 1;
    std::apply([&]<class... T>(const T&...) { ((set |= T::is_penalty ? bit : 0, bit <<= 1), ...); },
               E::terms);
    return set;
  }();
  constexpr auto terms = names_in<decltype(E::terms)>;
  using GroupType = GroupAt<E, M, G>;
  int losses = 0;
  for (std::size_t k = 0; k < terms.size(); ++k) {
    const bool in = GroupType::terms.empty() || index_of(terms[k], GroupType::terms) >= 0;
    losses += in && !(penalties >> k & 1u);
  }
  if constexpr (GroupType::has_own_mix) {
    return wrong_mixes<[] { return parts_of(std::get<G>(std::get<M>(modes_of<E>).groups).mix); }>(
        losses);
  } else {
    return wrong_mixes<mixes_of_experiment<E>>(losses == 0 ? most_losses : losses);
  }
}

template <class E>
constexpr Sentence wrong_terms_and_groups() {
  constexpr Sentence terms = []<std::size_t... K>(std::index_sequence<K...>) {
    return first_of(about<TermAt<E, K>>("term ", wrong_term<E, K>())...);
  }
  (std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(E::terms)>>>{});
  if constexpr (!terms.empty()) {
    return terms;
  } else {
    return first_of(in_each_mode<E>([](auto m) {
                      return in_each_group<E, m>(
                          [](auto g) { return wrong_group<E, decltype(m)::value, g>(); });
                    }),
                    in_each_mode<E>([](auto m) { return wrong_membership<E, m>(); }),
                    in_each_mode<E>([](auto m) {
                      return in_each_group<E, m>(
                          [](auto g) { return wrong_mix_of_group<E, decltype(m)::value, g>(); });
                    }));
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
