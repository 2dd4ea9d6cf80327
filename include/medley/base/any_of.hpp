// Several parts of one kind, of which an option chooses one when the program runs; the first is the
// default.
//
//   static constexpr auto mix = any_of(WeightedSum{}, UpGrad{}, Uncertainty{});
//   static constexpr auto steps = any_of(joint(Adam{}), alternating(group<...>(...), ...));
#pragma once

#include <tuple>

namespace medley {

template <class... Parts>
struct AnyOf {
  std::tuple<Parts...> parts;
};

template <class... Parts>
constexpr AnyOf<Parts...> any_of(Parts... parts) {
  return {{parts...}};
}

// A part alone, or those of any_of(), as a tuple.
template <class Part>
constexpr std::tuple<Part> parts_of(const Part& part) {
  return {part};
}
template <class... Parts>
constexpr std::tuple<Parts...> parts_of(const AnyOf<Parts...>& any) {
  return any.parts;
}

}  // namespace medley
