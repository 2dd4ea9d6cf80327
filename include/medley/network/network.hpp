// A network: the nodes of trunk and heads, their parameters, and where every activation of a shard
// lies. Everything here is computed at compile time from the experiment's description.
//
//   time      0 .. N-1   forward of node i
//             N          losses
//             N+1 .. 2N  backward of node i at 2N - i
//
// A value lives from the node that makes it to its last reader; a gradient from its first writer to
// the backward pass of the node that made the value.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include "medley/layers/layer.hpp"
#include "medley/network/check_layers.hpp"
#include "medley/network/graph.hpp"
#include "medley/network/plan.hpp"

namespace medley {

// A parameter of the network: whose it is and where it lies.
struct PlacedParameter {
  Parameter spec;
  Path name;  // "trunk.0.weight"
  int node = 0;
  int segment = 0;         // 0: trunk; 1 + h: head h
  std::size_t offset = 0;  // in floats, within the parameters
  // Within the gradients, factored ones first, then those of a slot; and within the factors that a
  // shard leaves. A segment's follow each other in all three.
  std::size_t gradient = 0, factors = 0;
};

// Description: trunk and heads as types, the input's shape. Samples: of a shard. Passes: backward
// passes over one forward pass; with more than one, values must outlive the first.
template <Shape InputShape, class TrunkType, class HeadsTuple, int Samples, int Passes>
class Network;

template <Shape InputShape, class TrunkType, class... HeadTypes, int Samples, int Passes>
class Network<InputShape, TrunkType, std::tuple<HeadTypes...>, Samples, Passes> {
  using Graphs = NetworkGraph<TrunkType, HeadTypes...>;

 public:
  using GraphType = typename Graphs::graph;
  static constexpr int node_count = GraphType::size;
  static constexpr int tensor_count = node_count + 1;
  static constexpr int trunk_nodes = Graphs::trunk_nodes;
  static constexpr int trunk_output = Graphs::trunk_output;
  static constexpr int head_count = sizeof...(HeadTypes);
  static constexpr int segment_count = head_count + 1;
  static constexpr std::array<int, sizeof...(HeadTypes)> head_output = Graphs::head_output;
  static constexpr std::array<std::string_view, sizeof...(HeadTypes)> head_names{
      HeadTypes::name...};
  static constexpr int samples = Samples;
  static constexpr int passes = Passes;
  static_assert(head_count >= 1, "a network needs at least one head");
  static_assert(is_right<wrong_layer<GraphType, InputShape>>);

  using Nodes = detail::NodeList<GraphType>;
  template <int I>
  using NodeAt = typename Nodes::template NodeAt<I>;
  template <int I>
  using LayerAt = typename NodeAt<I>::Layer;

  // Nodes of segment 0 (trunk) or 1 + h (head h): [first, last).
  static constexpr std::array<int, segment_count + 1> segment_begin = [] {
    std::array<int, segment_count + 1> begin{};
    begin[1] = trunk_nodes;
    for (int h = 0; h < head_count; ++h) {
      begin[h + 2] = head_output[h] == trunk_output ? begin[h + 1] : head_output[h];
    }
    return begin;
  }();
  static constexpr int segment_of(int node) {
    int segment = 0;
    while (node >= segment_begin[segment + 1]) ++segment;
    return segment;
  }

  // --- shapes and layouts ------------------------------------------------------------------------

  static constexpr std::array<Shape, tensor_count> shapes = [] {
    std::array<Shape, tensor_count> shape{};
    shape[0] = InputShape;
    Nodes::each([&](auto i) {
      using Here = NodeAt<decltype(i)::value>;
      shape[i + 1] = Nodes::template with_inputs<Here>(
          shape, [](auto... s) { return Here::Layer::output(s...); });
    });
    return shape;
  }();
  static constexpr Shape input_shape = InputShape;

  // Pictures with fewer channels than lanes stay planar where all their readers can take that.
  static constexpr std::array<Layout, tensor_count> layouts = [] {
    std::array<Layout, tensor_count> layout{};
    bool planar = InputShape.c < lanes;
    Nodes::each([&](auto i) {
      using Here = NodeAt<decltype(i)::value>;
      for (const int t : Here::inputs) {
        planar = planar && (t != 0 || Here::Layer::takes_planar(InputShape));
      }
    });
    for (const int out : head_output) planar = planar && out != 0;
    layout[0] = planar ? Layout::planar : Layout::blocked;
    Nodes::each([&](auto i) {
      using Here = NodeAt<decltype(i)::value>;
      layout[i + 1] = Here::Layer::keeps_layout ? layout[Here::inputs[0]] : Layout::blocked;
    });
    return layout;
  }();

  // --- parameters --------------------------------------------------------------------------------

  static constexpr int parameter_count = [] {
    int count = 0;
    Nodes::each([&](auto i) { count += Nodes::template parameter_count<decltype(i)::value>; });
    return count;
  }();
  static constexpr std::array<PlacedParameter, parameter_count> parameters = [] {
    std::array<PlacedParameter, parameter_count> placed{};
    int k = 0;
    std::size_t offset = 0;
    Nodes::each([&](auto i) {
      constexpr int node = decltype(i)::value;
      constexpr int in = NodeAt<node>::inputs[0];
      for (const Parameter& spec : LayerAt<node>::parameters(shapes[in], layouts[in])) {
        placed[k++] = {spec, NodeAt<node>::path / spec.name, node, segment_of(node), offset};
        offset = aligned(offset + spec.floats);
      }
    });
    std::size_t gradient = 0, factors = 0;
    for (const bool factored : {true, false}) {
      for (PlacedParameter& p : placed) {
        if (p.spec.factored != factored) continue;
        p.gradient = gradient;
        gradient = aligned(gradient + p.spec.floats);
        p.factors = factors;
        factors = aligned(factors + p.spec.factor_floats(Samples));
      }
    }
    return placed;
  }();
  // Floats of all parameters; segment s has [segment_offset[s], segment_offset[s + 1]).
  static constexpr std::array<std::size_t, segment_count + 1> segment_offset = [] {
    std::array<std::size_t, segment_count + 1> begin{};
    for (int s = 0; s < segment_count; ++s) {
      begin[s + 1] = begin[s];
      for (const PlacedParameter& p : parameters) {
        if (p.segment == s) begin[s + 1] = aligned(p.offset + p.spec.floats);
      }
    }
    return begin;
  }();
  static constexpr std::size_t parameter_floats = segment_offset[segment_count];
  // Floats of the factored gradients, and of those that a slot has for itself.
  static constexpr std::size_t gradient_floats(bool factored) {
    std::size_t floats = 0;
    for (const PlacedParameter& p : parameters) {
      if (p.spec.factored == factored) floats += aligned(p.spec.floats);
    }
    return floats;
  }
  static constexpr std::size_t factored_floats = gradient_floats(true);
  static constexpr std::size_t slot_floats = gradient_floats(false);
  // Floats of the factors that a shard leaves.
  static constexpr std::size_t factor_floats = [] {
    std::size_t floats = 0;
    for (const PlacedParameter& p : parameters) floats += aligned(p.spec.factor_floats(Samples));
    return floats;
  }();
  // Where those of a segment begin and end: its factored gradients, the others, its factors.
  struct SegmentPlaces {
    std::array<std::size_t, segment_count + 1> factored{}, slot{}, factors{};
  };
  static constexpr SegmentPlaces segment_places = [] {
    SegmentPlaces places;
    places.slot[0] = factored_floats;
    for (int s = 0; s < segment_count; ++s) {
      places.factored[s + 1] = places.factored[s];
      places.slot[s + 1] = places.slot[s];
      places.factors[s + 1] = places.factors[s];
      for (const PlacedParameter& p : parameters) {
        if (p.segment != s) continue;
        (p.spec.factored ? places.factored : places.slot)[s + 1] += aligned(p.spec.floats);
        places.factors[s + 1] += aligned(p.spec.factor_floats(Samples));
      }
    }
    return places;
  }();
  static constexpr std::array<int, node_count + 1> first_parameter = [] {
    std::array<int, node_count + 1> first{};
    Nodes::each([&](auto i) {
      first[i + 1] = first[i] + Nodes::template parameter_count<decltype(i)::value>;
    });
    return first;
  }();

  // Whether the gradient of tensor t is needed: something before it has parameters.
  static constexpr std::array<bool, tensor_count> wants_gradient = [] {
    std::array<bool, tensor_count> wants{};
    Nodes::each([&](auto i) {
      using Here = NodeAt<decltype(i)::value>;
      wants[i + 1] = Nodes::template parameter_count<decltype(i)::value> > 0;
      for (const int t : Here::inputs) wants[i + 1] = wants[i + 1] || wants[t];
    });
    return wants;
  }();

  // Prepacked parameters: weights transposed or transformed.
  static constexpr std::array<std::size_t, node_count + 1> prepacked_offset = [] {
    std::array<std::size_t, node_count + 1> offset{};
    Nodes::each([&](auto i) {
      using Here = NodeAt<decltype(i)::value>;
      const int in = Here::inputs[0];
      offset[i + 1] =
          aligned(offset[i] + Here::Layer::prepacked_floats(shapes[in], wants_gradient[in]));
    });
    return offset;
  }();
  static constexpr std::size_t prepacked_floats = prepacked_offset[node_count];

  // --- activations -------------------------------------------------------------------------------

  // Values, then gradients, then what nodes save, then their scratch forward and backward.
  static constexpr std::size_t buffer_count = 2 * tensor_count + 3 * node_count;
  struct Activations {
    // Tensors that share memory have the same root; halos belong to roots.
    std::array<int, tensor_count> value_root{}, gradient_root{}, readers{};
    std::array<int, tensor_count> value_halo{}, gradient_halo{};
    // Whether node i computes node i + 1 too, an activation that works in place on its output.
    std::array<bool, node_count> applies_next{};
    // Whether node i computes node i - 1 too, a Relu in place that nothing else reads.
    std::array<bool, node_count> takes_previous{};
    std::array<Buffer, buffer_count> buffers{};
    std::size_t floats = 0;
  };
  static constexpr int saved_buffer(int node) { return 2 * tensor_count + node; }
  static constexpr int scratch_buffer(int node, bool backward) {
    return saved_buffer(node) + (backward ? 2 : 1) * node_count;
  }
  static constexpr Activations activations = [] {
    Activations a;
    std::array<bool, tensor_count> output_read{};  // by the backward pass of the node that made it
    for (int t = 0; t < tensor_count; ++t) a.value_root[t] = a.gradient_root[t] = t;
    Nodes::each([&](auto i) {
      using Here = NodeAt<decltype(i)::value>;
      for (const int t : Here::inputs) ++a.readers[t];
      output_read[i + 1] = Here::Layer::reads_output;
    });
    for (const int out : head_output) ++a.readers[out];

    Nodes::each([&](auto i) {
      using Here = NodeAt<decltype(i)::value>;
      const int in = Here::inputs[0];
      if (Here::Layer::in_place && a.readers[in] == 1) {
        if (Here::Layer::keeps_values || (!output_read[in] && !Here::Layer::reads_input))
          a.value_root[i + 1] = a.value_root[in];
        // With several passes the gradient of a head's output may be asked for again; each pass
        // writes it anew, so sharing stays right.
        a.gradient_root[i + 1] = a.gradient_root[in];
      }
    });

    Nodes::template each<0, node_count - 1>([&](auto i) {
      constexpr int next = decltype(i)::value + 1;
      a.applies_next[i] = LayerAt<i>::applies_activation != AppliesActivation::no &&
                          LayerAt<next>::is_activation && NodeAt<next>::inputs[0] == next &&
                          segment_of(i) == segment_of(next) &&
                          a.value_root[next + 1] == a.value_root[next] &&
                          a.gradient_root[next + 1] == a.gradient_root[next];
    });

    Nodes::template each<1, node_count>([&](auto i) {
      constexpr int before = decltype(i)::value - 1;
      a.takes_previous[i] = LayerAt<i>::takes_relu && LayerAt<before>::is_relu &&
                            NodeAt<i>::inputs[0] == i && segment_of(i) == segment_of(before) &&
                            a.readers[i] == 1 && !(before > 0 && a.applies_next[before - 1]) &&
                            a.value_root[i] == a.value_root[NodeAt<before>::inputs[0]] &&
                            a.gradient_root[i] == a.gradient_root[NodeAt<before>::inputs[0]];
    });

    const auto widen = [](int& halo, int wanted) { halo = std::max(halo, wanted); };
    Nodes::each([&](auto i) {
      using Here = NodeAt<decltype(i)::value>;
      for (const int t : Here::inputs) {
        widen(a.value_halo[a.value_root[t]], Here::Layer::input_halo(shapes[t]));
      }
      if (wants_gradient[Here::inputs[0]]) {
        widen(a.gradient_halo[a.gradient_root[i + 1]],
              Here::Layer::gradient_halo(shapes[Here::inputs[0]]));
      }
    });

    constexpr int end = 2 * node_count + 1;
    std::array<Lifetime, tensor_count> value{}, gradient{};
    for (int t = 0; t < tensor_count; ++t) {
      value[t] = {t - 1, t - 1};
      gradient[t] = {end, 2 * node_count - (t - 1)};
    }
    const auto read = [&](int t, int time) {
      // Losses and backward run once a pass.
      value[t].last = std::max(value[t].last, Passes > 1 && time >= node_count ? end : time);
    };
    Nodes::each([&](auto i) {
      constexpr int node = decltype(i)::value;
      using Here = NodeAt<node>;
      constexpr int backward = 2 * node_count - node;
      for (const int t : Here::inputs) {
        read(t, node);
        if (Here::Layer::reads_input) read(t, backward);
        gradient[t].first = std::min(gradient[t].first, backward);
      }
      if (node > 0 && a.applies_next[std::max(node - 1, 0)]) {
        constexpr auto how = LayerAt<std::max(node - 1, 0)>::applies_activation;
        if (how == AppliesActivation::output_kept) read(node + 1, backward + 1);
      } else if (Here::Layer::reads_output) {
        read(node + 1, backward);
      }
    });
    for (const int out : head_output) {
      read(out, node_count);
      gradient[out].first = std::min(gradient[out].first, node_count);
    }

    const auto floats_of = [&](int t, int halo) -> std::size_t {
      const Shape s = shapes[t];
      const int planes = layouts[t] == Layout::planar ? s.c : block_count(s.c) * lanes;
      return static_cast<std::size_t>(Samples) * planes * (s.h + 2 * halo) * (s.w + 2 * halo);
    };
    for (int t = 0; t < tensor_count; ++t) {
      Buffer& v = a.buffers[a.value_root[t]];
      if (v.floats == 0) v.life = value[t];
      v.floats = floats_of(t, a.value_halo[a.value_root[t]]);
      v.life = {std::min(v.life.first, value[t].first), std::max(v.life.last, value[t].last)};
      if (!wants_gradient[t]) continue;
      Buffer& g = a.buffers[tensor_count + a.gradient_root[t]];
      if (g.floats == 0) g.life = gradient[t];
      g.floats = floats_of(t, a.gradient_halo[a.gradient_root[t]]);
      g.life = {std::min(g.life.first, gradient[t].first), std::max(g.life.last, gradient[t].last)};
    }
    Nodes::each([&](auto i) {
      constexpr int node = decltype(i)::value;
      using Here = NodeAt<node>;
      constexpr Shape in = shapes[Here::inputs[0]];
      constexpr int backward = 2 * node_count - node;
      a.buffers[saved_buffer(node)] = {
          .floats = static_cast<std::size_t>(Here::Layer::saved_floats(in, Samples)),
          .life = {node, Passes > 1 ? end : backward}};
      a.buffers[scratch_buffer(node, false)] = {
          .floats = static_cast<std::size_t>(Here::Layer::forward_scratch(in, Samples)),
          .life = {node, node}};
      if (!wants_gradient[node + 1]) return;
      a.buffers[scratch_buffer(node, true)] = {
          .floats = static_cast<std::size_t>(Here::Layer::backward_scratch(in, Samples)),
          .life = {backward, backward}};
    });
    a.floats = place(a.buffers);
    return a;
  }();
  static constexpr std::array<std::size_t, buffer_count> training_places = [] {
    std::array<std::size_t, buffer_count> at{};
    for (std::size_t b = 0; b < buffer_count; ++b) at[b] = activations.buffers[b].offset;
    return at;
  }();
  // Floats that one worker needs for the activations of a shard.
  static constexpr std::size_t activation_floats = activations.floats;

  // Whether a neighbour computes this node along with itself.
  static constexpr bool left_to_neighbour(int node) {
    return (node > 0 && activations.applies_next[node - 1]) ||
           (node + 1 < node_count && activations.takes_previous[node + 1]);
  }

  // Whether the value that a node makes is there after it has run: not where the next one computes it
  // along with itself, or where it computes the next one's in its place.
  static constexpr bool has_value(int node) {
    return !activations.applies_next[node] &&
           !(node + 1 < node_count && activations.takes_previous[node + 1]);
  }

  template <int T>
  using Value = Tensor<shapes[T], activations.value_halo[activations.value_root[T]], layouts[T]>;
  template <int T>
  using Gradient =
      Tensor<shapes[T], activations.gradient_halo[activations.gradient_root[T]], layouts[T]>;

  template <int T>
  static Value<T> value(float* area) {
    return {area + activations.buffers[activations.value_root[T]].offset};
  }
  template <int T>
  static Gradient<T> gradient(float* area) {
    return {area + activations.buffers[tensor_count + activations.gradient_root[T]].offset};
  }
};

}  // namespace medley
