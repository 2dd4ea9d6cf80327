// From the nested description of a network to a flat list of nodes, in the order in which they run.
// Tensor 0 is the network's input, tensor i the output of node i - 1.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "medley/layers/join.hpp"
#include "medley/network/compose.hpp"

namespace medley {

// Where a layer stands: "trunk.3.main.0".
struct Path {
  static constexpr std::size_t capacity = 64;
  char text[capacity]{};
  std::size_t size = 0;

  constexpr Path operator/(std::string_view part) const {
    Path path = *this;
    if (path.size > 0) path.append('.');
    for (const char c : part) path.append(c);
    return path;
  }
  constexpr Path operator/(int index) const {
    char digits[8]{};
    std::size_t count = 0;
    for (int rest = index; count == 0 || rest > 0; rest /= 10) {
      digits[count++] = static_cast<char>('0' + rest % 10);
    }
    char reversed[8]{};
    for (std::size_t i = 0; i < count; ++i) reversed[i] = digits[count - 1 - i];
    return *this / std::string_view(reversed, count);
  }
  // Of one that is too long, as much as there is room for; an experiment that has it is refused.
  constexpr std::string_view view() const { return {text, size < capacity ? size : capacity}; }
  constexpr void append(char c) {
    if (size < capacity) text[size] = c;
    ++size;
  }
};

template <class LayerType, Path Where, int... Inputs>
struct Node {
  using Layer = LayerType;
  static constexpr Path path = Where;
  static constexpr int input_count = sizeof...(Inputs);
  static constexpr std::array<int, sizeof...(Inputs)> inputs{Inputs...};
};

template <class... Nodes>
struct Graph {
  static constexpr int size = sizeof...(Nodes);
};

// Extend<graph, tensor, what, path>: the graph with `what` appended to it, reading `tensor`.
template <class G, int In, class What, Path P>
struct Extend;

// A layer.
template <class... Nodes, int In, class Layer, Path P>
struct Extend<Graph<Nodes...>, In, Layer, P> {
  using graph = Graph<Nodes..., Node<Layer, P, In>>;
  static constexpr int out = sizeof...(Nodes) + 1;
};

namespace detail {

// The nodes of a graph, and how to fold over them.
template <class G>
struct NodeList;
template <class... NodeTypes>
struct NodeList<Graph<NodeTypes...>> {
  using Tuple = std::tuple<NodeTypes...>;
  static constexpr int count = sizeof...(NodeTypes);
  template <int I>
  using NodeAt = std::tuple_element_t<I, Tuple>;

  // Calls f(integral_constant<int, i>) for the nodes first <= i < last, in order.
  template <int First = 0, int Last = count, class F>
  static constexpr void each(F&& f) {
    [&]<int... I>(std::integer_sequence<int, I...>) {
      (f(std::integral_constant<int, First + I>{}), ...);
    }
    (std::make_integer_sequence<int, Last - First>{});
  }
  // The same from the last to the first.
  template <int First = 0, int Last = count, class F>
  static constexpr void each_backward(F&& f) {
    [&]<int... I>(std::integer_sequence<int, I...>) {
      (f(std::integral_constant<int, Last - 1 - I>{}), ...);
    }
    (std::make_integer_sequence<int, Last - First>{});
  }

  // f(shape of input 0, shape of input 1, ...) for node N.
  template <class N, std::size_t Size, class F>
  static constexpr auto with_inputs(const std::array<Shape, Size>& shape, F f) {
    return [&]<std::size_t... K>(std::index_sequence<K...>) { return f(shape[N::inputs[K]]...); }
    (std::make_index_sequence<N::input_count>{});
  }

  template <int I>
  static constexpr int parameter_count =
      std::tuple_size_v<decltype(NodeAt<I>::Layer::parameters(Shape{}, Layout{}))>;
};

template <class G, int In, Path P, int Index, class... Layers>
struct ExtendAll {
  using graph = G;
  static constexpr int out = In;
};
template <class G, int In, Path P, int Index, class First, class... Rest>
struct ExtendAll<G, In, P, Index, First, Rest...> {
  using first = Extend<G, In, First, P / Index>;
  using rest = ExtendAll<typename first::graph, first::out, P, Index + 1, Rest...>;
  using graph = typename rest::graph;
  static constexpr int out = rest::out;
};

// Branches that read the same tensor; Outs collects their outputs.
template <class G, int In, Path P, int Index, class Outs, class... Branches>
struct ExtendBranches;
template <class... Nodes, int In, Path P, int Index, int... Outs>
struct ExtendBranches<Graph<Nodes...>, In, P, Index, std::integer_sequence<int, Outs...>> {
  using graph = Graph<Nodes..., Node<Join, P, Outs...>>;
  static constexpr int out = sizeof...(Nodes) + 1;
};
template <class G, int In, Path P, int Index, int... Outs, class First, class... Rest>
struct ExtendBranches<G, In, P, Index, std::integer_sequence<int, Outs...>, First, Rest...> {
  using first = Extend<G, In, First, P / (Path{} / "branch").view() / Index>;
  using rest = ExtendBranches<typename first::graph, In, P, Index + 1,
                              std::integer_sequence<int, Outs..., first::out>, Rest...>;
  using graph = typename rest::graph;
  static constexpr int out = rest::out;
};

template <class G, Path P, int... Inputs>
struct ExtendAdd;
template <class... Nodes, Path P, int... Inputs>
struct ExtendAdd<Graph<Nodes...>, P, Inputs...> {
  using graph = Graph<Nodes..., Node<Add, P, Inputs...>>;
  static constexpr int out = sizeof...(Nodes) + 1;
};

}  // namespace detail

template <class... Nodes, int In, class... Layers, Path P>
struct Extend<Graph<Nodes...>, In, Sequence<Layers...>, P>
    : detail::ExtendAll<Graph<Nodes...>, In, P, 0, Layers...> {};

template <class... Nodes, int In, class Main, class Shortcut, Path P>
struct Extend<Graph<Nodes...>, In, Residual<Main, Shortcut>, P> {
  using main = Extend<Graph<Nodes...>, In, Main, P / "main">;
  using shortcut = Extend<typename main::graph, In, Shortcut, P / "shortcut">;
  using added = detail::ExtendAdd<typename shortcut::graph, P, main::out, shortcut::out>;
  using graph = typename added::graph;
  static constexpr int out = added::out;
};

template <class... Nodes, int In, class... Branches, Path P>
struct Extend<Graph<Nodes...>, In, Concat<Branches...>, P>
    : detail::ExtendBranches<Graph<Nodes...>, In, P, 0, std::integer_sequence<int>, Branches...> {};

// Of trunk and heads together, the graph; head_output has the tensor that each head ends in.
template <class TrunkType, class... HeadTypes>
class NetworkGraph {
  using Trunk = Extend<Graph<>, 0, TrunkType, Path{} / "trunk">;

  // Graphs with one head more each.
  template <class G, int... Outs>
  struct Heads {
    using graph = G;
    static constexpr std::array<int, sizeof...(Outs)> outs{Outs...};
    template <class H>
    using Extended = Extend<G, Trunk::out, typename H::layers, Path{} / "heads" / H::name>;
    template <class H>
    auto operator+(std::type_identity<H>) const {
      return Heads<typename Extended<H>::graph, Outs..., Extended<H>::out>{};
    }
  };
  using AllHeads =
      decltype((Heads<typename Trunk::graph>{} + ... + std::type_identity<HeadTypes>{}));

 public:
  using graph = typename AllHeads::graph;
  static constexpr int trunk_nodes = Trunk::graph::size;
  static constexpr int trunk_output = Trunk::out;
  static constexpr std::array<int, sizeof...(HeadTypes)> head_output = AllHeads::outs;
};

}  // namespace medley
