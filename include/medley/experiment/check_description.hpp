// Checks of an experiment that need no network: that everything is there and of its type, the names,
// and the numbers that stand for themselves. Each answers with a sentence, empty where all is right.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "medley/base/any_of.hpp"
#include "medley/base/sentence.hpp"
#include "medley/base/tensor.hpp"
#include "medley/experiment/recipe.hpp"
#include "medley/experiment/records.hpp"
#include "medley/experiment/steps.hpp"
#include "medley/experiment/terms.hpp"
#include "medley/network/check_layers.hpp"
#include "medley/network/compose.hpp"

namespace medley {
class Source;  // data/source.hpp, which a generator includes
}

namespace medley::detail {

// --- that everything is there --------------------------------------------------------------------

template <class T>
inline constexpr bool is_targets = false;
template <std::size_t Size>
inline constexpr bool is_targets<std::array<TargetSpec, Size>> = true;

template <class T>
inline constexpr bool is_head = false;
template <Name N, class... Layers>
inline constexpr bool is_head<Head<N, Layers...>> = true;

template <class T>
inline constexpr bool is_term = false;
template <Name N, Name HeadName, Name TargetName, class LossType>
inline constexpr bool is_term<LossTerm<N, HeadName, TargetName, LossType>> = true;
template <Name N, class PenaltyType>
inline constexpr bool is_term<PenaltyTerm<N, PenaltyType>> = true;

template <class T>
inline constexpr bool is_group = false;
template <Name N, class OptimizerType, class Mixing, Name... Terms>
inline constexpr bool is_group<Group<N, OptimizerType, Mixing, Terms...>> = true;

// Of a tuple of heads, terms or groups: the first element that is none, or -1; -2: no tuple.
template <class T, template <class> class Is>
inline constexpr int first_other = -2;
template <class... Elements, template <class> class Is>
inline constexpr int first_other<std::tuple<Elements...>, Is> = [] {
  int first = -1, at = 0;
  ((first = first < 0 && !Is<Elements>::value ? at : first, ++at), ...);
  return first;
}();
template <class T>
using IsHead = std::bool_constant<is_head<T>>;
template <class T>
using IsTerm = std::bool_constant<is_term<T>>;
template <class T>
using IsGroup = std::bool_constant<is_group<T>>;

template <class T>
inline constexpr bool is_steps = false;
template <StepMode Mode, class... Groups>
inline constexpr bool is_steps<Steps<Mode, Groups...>> = true;
template <class... Modes>
inline constexpr bool is_steps<AnyOf<Modes...>> = (is_steps<Modes> && ...);

// The step modes of an experiment, as a tuple.
template <class E>
inline constexpr auto modes_of = parts_of(E::steps);
template <class E>
inline constexpr std::size_t mode_count =
    std::tuple_size_v<std::remove_cvref_t<decltype(modes_of<E>)>>;
// The first sentence of f(constant) over the step modes.
template <class E, class F>
constexpr Sentence in_each_mode(F&& f) {
  return [&]<std::size_t... M>(std::index_sequence<M...>) {
    return first_of(Sentence{}, f(std::integral_constant<std::size_t, M>{})...);
  }
  (std::make_index_sequence<mode_count<E>>{});
}
template <class E, std::size_t M>
using GroupsIn = std::remove_cvref_t<decltype(std::get<M>(modes_of<E>).groups)>;

constexpr Sentence wrong_element(std::string_view member, int index, std::string_view kind) {
  if (index == -1) return {};
  Sentence wrong{member, " is a std::tuple of ", kind};
  if (index >= 0) wrong.add({", but its element ", index, " (from 0) is something else"});
  return wrong;
}

template <class E>
constexpr Sentence wrong_generator() {
  if constexpr (requires { typename E::Generator; }) {
    using Generator = typename E::Generator;
    if (!std::derived_from<Generator, Source> || !std::default_initializable<Generator>)
      return Sentence{"Generator must be a Source that can be made without arguments"};
  }
  return {};
}

template <class Member>
constexpr Sentence wrong_list(std::string_view member, const Member& part) {
  if (std::tuple_size_v < decltype(parts_of(part)) >> 0) return {};
  return Sentence{member, " is any_of() of nothing: list at least one"};
}

template <class E>
constexpr Sentence wrong_members() {
  constexpr bool has_name = requires {
    { E::name } -> std::convertible_to<std::string_view>;
  };
  constexpr bool has_input = requires {
    { E::input } -> std::convertible_to<Shape>;
  };
  constexpr bool has_targets = requires {
    requires is_targets<std::remove_cvref_t<decltype(E::targets)>>;
  };
  constexpr bool has_trunk = requires { typename E::Trunk; };
  constexpr bool has_heads = requires { typename E::Heads; };
  constexpr bool has_terms = requires { E::terms; };
  constexpr bool has_mix = requires { E::mix; };
  constexpr bool has_steps = requires {
    requires is_steps<std::remove_cvref_t<decltype(E::steps)>>;
  };
  constexpr bool has_recipe = requires {
    { E::recipe } -> std::convertible_to<Recipe>;
  };
  constexpr bool has_memory = requires {
    { E::memory } -> std::convertible_to<Memory>;
  };
  const char* const missing = !has_name      ? "std::string_view name = \"...\""
                              : !has_input   ? "Shape input{channels, height, width}"
                              : !has_targets ? "auto targets = std::to_array<TargetSpec>({...})"
                              : !has_trunk   ? "using Trunk = Sequence<...>"
                              : !has_heads   ? "using Heads = std::tuple<Head<...>, ...>"
                              : !has_terms   ? "auto terms = std::tuple{term<...>(...), ...}"
                              : !has_mix     ? "WeightedSum mix{}, or another mix, or any_of(...)"
                              : !has_steps
                                  ? "auto steps = joint(...), simultaneous(...) or alternating(...)"
                              : !has_recipe ? "Recipe recipe{}"
                              : !has_memory ? "Memory memory{}"
                                            : nullptr;
  if (missing != nullptr)
    return Sentence{"this must be a static constexpr member or a type of the experiment: ",
                    missing};
  if constexpr (has_heads && has_terms && has_mix && has_steps) {
    using Terms = std::remove_cvref_t<decltype(E::terms)>;
    return first_of(
        wrong_element("Heads", first_other<typename E::Heads, IsHead>, "Head<...>"),
        wrong_element("terms", first_other<Terms, IsTerm>, "term<...>() and penalty<...>()"),
        in_each_mode<E>([](auto m) {
          return wrong_element("steps", first_other<GroupsIn<E, m>, IsGroup>, "group<...>()");
        }),
        wrong_list("mix", E::mix), wrong_list("steps", E::steps), wrong_generator<E>());
  }
  return {};
}

// --- names ---------------------------------------------------------------------------------------

inline constexpr std::size_t longest_name = 40;

constexpr bool is_name_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         c == '-' || byte >= 0x80;
}

constexpr Sentence wrong_name(std::string_view kind, std::string_view name) {
  if (name.empty()) return Sentence{"a ", kind, " has no name"};
  Sentence shown;  // in one line
  bool plain = name.front() != '-';
  for (const char c : name) {
    plain = plain && is_name_character(c);
    shown.add({std::string_view(static_cast<unsigned char>(c) < ' ' ? "?" : &c, 1)});
  }
  if (!plain)
    return Sentence{
        "the ", kind, " named `", shown,
        "`: a name has letters, digits, _ and (not first) - alone, as it goes into file "
        "names, columns and options"};
  if (name.size() > longest_name)
    return Sentence{"the ",       kind,         " named ", name, ": a name has at most ",
                    longest_name, " characters"};
  return {};
}

// Names of one kind, from a list of at most so many.
template <std::size_t Size>
constexpr Sentence wrong_names(std::string_view kind,
                               const std::array<std::string_view, Size>& names, std::size_t most) {
  if (Size < 1 || Size > most)
    return Sentence{"the experiment has ", Size, " ", kind, "s: from 1 to ", most, " are possible"};
  for (std::size_t i = 0; i < Size; ++i) {
    if (const Sentence wrong = wrong_name(kind, names[i]); !wrong.empty()) return wrong;
    for (std::size_t j = 0; j < i; ++j) {
      if (names[i] == names[j]) return Sentence{"two ", kind, "s are named ", names[i]};
    }
  }
  return {};
}

template <class... Named>
constexpr std::array<std::string_view, sizeof...(Named)> names_of(const std::tuple<Named...>*) {
  return {Named::name...};
}
template <class Tuple>
inline constexpr auto names_in = names_of(static_cast<const std::remove_cvref_t<Tuple>*>(nullptr));

template <class E>
inline constexpr auto target_names = [] {
  std::array<std::string_view, E::targets.size()> names;
  for (std::size_t t = 0; t < names.size(); ++t) names[t] = E::targets[t].name;
  return names;
}();

// Each of the names behind the others, for the end of a sentence.
template <std::size_t Size>
constexpr Sentence listed(const std::array<std::string_view, Size>& names) {
  Sentence list;
  for (std::size_t i = 0; i < Size; ++i) list.add({i == 0 ? "" : ", ", names[i]});
  return list;
}

template <class E>
constexpr Sentence wrong_modes() {
  const auto modes = std::apply(
      [](const auto&... mode) { return std::array<StepMode, mode_count<E>>{mode.mode...}; },
      modes_of<E>);
  for (std::size_t i = 0; i < modes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (modes[i] == modes[j])
        return Sentence{"steps: ", step_mode_names[static_cast<std::size_t>(modes[i])],
                        " is listed twice"};
    }
  }
  return {};
}

template <class E>
constexpr Sentence wrong_names() {
  return first_of(
      wrong_name("experiment", E::name), wrong_names("target", target_names<E>, max_targets),
      wrong_names("head", names_in<typename E::Heads>, max_heads),
      wrong_names("term", names_in<decltype(E::terms)>, max_terms), in_each_mode<E>([](auto m) {
        return wrong_names("group", names_in<GroupsIn<E, m>>, max_groups);
      }),
      wrong_modes<E>());
}

// --- numbers -------------------------------------------------------------------------------------

constexpr bool is_between(double x, double least, double most) { return x >= least && x <= most; }
// What options of the command line may be too.
inline constexpr double largest_number = 1e30;

// A pixel of 255 is one that is not known.
inline constexpr int most_mask_classes = 255;

constexpr Sentence wrong_target(const TargetSpec& target) {
  if (target.name == "images" || target.name == "split" || target.name == "group" ||
      target.name == "weight")
    return Sentence{"a target cannot be named ", target.name, ": ", target.name,
                    ".npy is another file"};
  const bool discrete = target.kind != TargetKind::values, mask = target.kind == TargetKind::mask;
  const int least = discrete ? 2 : 1;
  if (target.size >= least && (!mask || target.size <= most_mask_classes)) return {};
  const Sentence wrong{"target ",          target.name,
                       ": its size is ",   target.size,
                       ", the number of ", discrete ? "classes" : "values",
                       "; at least ",      least};
  return mask ? Sentence{wrong, " and at most ", most_mask_classes} : wrong;
}

constexpr Sentence wrong_recipe(const Recipe& recipe, Shape input) {
  const Augmentation& augmentation = recipe.augmentation;
  if (recipe.epochs < 1) return Sentence{"recipe: epochs is ", recipe.epochs, "; at least 1"};
  if (recipe.batch_size < 1)
    return Sentence{"recipe: batch_size is ", recipe.batch_size, "; at least 1"};
  if (!recipe.schedule.valid())
    return Sentence{"recipe: the schedule's numbers are not valid, see optimizers/schedule.hpp"};
  if (!is_between(recipe.clip_norm, 0.0, largest_number))
    return Sentence{"recipe: clip_norm is ", recipe.clip_norm,
                    "; it is a positive number, or 0: do not clip"};
  if (augmentation.shift < 0 || augmentation.shift >= std::min(input.h, input.w))
    return Sentence{"recipe: augmentation.shift is ", augmentation.shift,
                    "; at least 0 and less than the picture's height and width"};
  if (!(augmentation.least_crop > 0.0 && augmentation.least_crop <= 1.0))
    return Sentence{"recipe: augmentation.least_crop is ", augmentation.least_crop,
                    "; above 0 and at most 1"};
  return {};
}

constexpr Sentence wrong_memory(const Memory& memory) {
  if (memory.shard < 0)
    return Sentence{"memory: shard is ", memory.shard,
                    "; at least 1, or 0: from the shape of the network"};
  if (memory.slots < 1 || memory.slots > 64)
    return Sentence{"memory: slots is ", memory.slots, "; from 1 to 64"};
  return {};
}

template <class E>
constexpr Sentence wrong_numbers() {
  constexpr Shape input = E::input;
  if (input.c < 1 || input.h < 1 || input.w < 1)
    return Sentence{"input is ", shape_text(input), ": channels, height and width are positive"};
  for (const TargetSpec& target : E::targets) {
    if (const Sentence wrong = wrong_target(target); !wrong.empty()) return wrong;
  }
  return first_of(wrong_recipe(E::recipe, input), wrong_memory(E::memory));
}

}  // namespace medley::detail
