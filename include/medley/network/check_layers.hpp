// Shapes through a graph, up to the first layer that cannot be part of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "medley/base/sentence.hpp"
#include "medley/layers/layer.hpp"
#include "medley/network/graph.hpp"

namespace medley {

namespace detail {

constexpr Sentence shape_text(Shape s) { return Sentence{s.c, "x", s.h, "x", s.w}; }

template <class N, class... Shapes>
constexpr Sentence wrong_node(Shapes... inputs) {
  using L = typename N::Layer;
  const std::string_view path = N::path.view();
  constexpr std::string_view lacks = lacking_in_layer<L, Shapes...>();
  if constexpr (!lacks.empty()) {
    return Sentence{"layer ", path, " lacks ", lacks, ": see layers/layer.hpp"};
  } else {
    const auto layer = [&](const Sentence& what) {
      return Sentence{"layer ", path, " (", L::type, ") ", what};
    };
    const std::string_view refusal = L::refuses(inputs...);
    if (!refusal.empty()) {
      Sentence shapes;
      (shapes.add({shapes.empty() ? "" : " and ", shape_text(inputs)}), ...);
      return layer(
          {"cannot take its input of ", shapes, " (channels x height x width): ", refusal});
    }
    const Shape y = L::output(inputs...);
    if (y.c < 1 || y.h < 1 || y.w < 1)
      return layer({"gives ", shape_text(y), ", which is no shape"});
    std::size_t longest = 0;
    for (const Parameter& p : L::parameters(std::array{inputs...}[0], Layout::blocked))
      longest = std::max(longest, p.name.size() + 1);
    if (N::path.size + longest > Path::capacity)
      return Sentence{"the names of layer ", path, " are longer than ", Path::capacity,
                      " characters: shorten the head's name, or nest less"};
    return {};
  }
}

template <class G>
struct CheckedLayers {
  std::array<Shape, G::size + 1> shapes{};  // of all tensors, up to the wrong layer
  Sentence wrong;
};

template <class G, Shape Input>
constexpr CheckedLayers<G> check_layers() {
  using Nodes = NodeList<G>;
  CheckedLayers<G> checked;
  checked.shapes[0] = Input;
  Nodes::each([&](auto i) {
    using Here = typename Nodes::template NodeAt<decltype(i)::value>;
    if (!checked.wrong.empty()) return;
    if constexpr (Here::input_count == 0) {
      checked.wrong.add({"layer ", Here::path.view(), ": Concat<> has no branches"});
    } else {
      checked.wrong = Nodes::template with_inputs<Here>(
          checked.shapes, [](auto... s) { return wrong_node<Here>(s...); });
      if constexpr (requires(Shape s) { Here::Layer::output(s); } || Here::input_count > 1) {
        if (checked.wrong.empty()) {
          checked.shapes[i + 1] = Nodes::template with_inputs<Here>(
              checked.shapes, [](auto... s) { return Here::Layer::output(s...); });
        }
      }
    }
  });
  return checked;
}

}  // namespace detail

template <class G, Shape Input>
inline constexpr detail::CheckedLayers<G> checked_layers = detail::check_layers<G, Input>();
template <class G, Shape Input>
inline constexpr Sentence wrong_layer = checked_layers<G, Input>.wrong;

}  // namespace medley
