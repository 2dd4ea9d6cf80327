// Running a network: one shard forward, and backward from the heads' gradients.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "medley/base/random.hpp"
#include "medley/network/frozen.hpp"
#include "medley/network/network.hpp"
#include "medley/network/site.hpp"

namespace medley {

// Where the gradients of each segment of a network are, as pointers to which PlacedParameter's
// places are added; one pointer where all lie together.
template <int Segments>
struct BySegment {
  std::array<float*, static_cast<std::size_t>(Segments)> at{};
  constexpr BySegment() = default;
  constexpr BySegment(float* all) { at.fill(all); }
  constexpr float*& operator[](int segment) { return at[segment]; }
  constexpr float* operator[](int segment) const { return at[segment]; }
};

// What a pass over one shard works with. All memory belongs to the arena.
template <class Net>
struct Pass {
  float* area = nullptr;  // activations of the worker
  const float* parameters = nullptr;
  float* prepacked = nullptr;  // transposed or transformed weights
  using Places = BySegment<Net::segment_count>;
  Places gradients{};       // of the parameters
  Places factors{};         // of the factored gradients, of this shard
  bool accumulate = false;  // add to `gradients` instead of overwriting them
  int samples = 0;
  bool training = false;
  bool updates_statistics = false;  // forward also collects running statistics in `gradients`
  float share = 0.0f;               // of this shard in the batch
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
  const std::uint64_t* records = nullptr;  // of the samples, for their random numbers
  const Frozen<Net>* frozen = nullptr;     // null: everything learns
  // Gradients of values that have been written in this backward pass.
  mutable std::array<bool, Net::tensor_count> written{};
  // Where each of the network's buffers begins in `area`.
  std::array<std::size_t, Net::buffer_count> places = Net::training_places;
};

// The value of tensor T.
template <int T, class Net>
typename Net::template Value<T> value_of(const Pass<Net>& pass) {
  return {pass.area + pass.places[Net::activations.value_root[T]]};
}

// The site of node I, and its calls.
template <class Net, int I>
struct NodeSite {
  using Node = typename Net::template NodeAt<I>;

  using First = std::conditional_t<Net::activations.takes_previous[I],
                                   typename Net::template LayerAt<std::max(I - 1, 0)>, Linear>;
  using Then =
      std::conditional_t<Net::activations.applies_next[I],
                         typename Net::template LayerAt<std::min(I + 1, Net::node_count - 1)>,
                         Linear>;
  using Layer = typename ComputedLayer<typename Node::Layer>::type;
  template <int T>
  using InputOf = Input<typename Net::template Value<T>, typename Net::template Gradient<T>,
                        Net::wants_gradient[T]>;
  template <std::size_t... K>
  static auto site(std::index_sequence<K...>)
      -> Site<Layer, First, Then, Net::samples, typename Net::template Value<I + 1>,
              typename Net::template Gradient<I + 1>, InputOf<Node::inputs[K]>...>;
  using type = decltype(site(std::make_index_sequence<Node::inputs.size()>{}));
  static_assert(Node::input_count <= LayerCall::most_inputs, "concat: at most sixteen branches");

  static LayerCall call(const Pass<Net>& pass, bool backward) {
    const auto& a = Net::activations;
    const auto buffer = [&](int index) { return pass.area + pass.places[index]; };
    const Frozen<Net>* frozen = pass.frozen;
    LayerCall c{.samples = pass.samples,
                .training = pass.training && !(frozen && frozen->statistics[I]),
                .accumulate = pass.accumulate,
                .updates_statistics = pass.updates_statistics,
                .asks_x = !frozen || frozen->wants[Node::inputs[0]],
                .share = pass.share,
                .y = buffer(a.value_root[I + 1]),
                .gy = buffer(Net::tensor_count + a.gradient_root[I + 1]),
                .prepacked = pass.prepacked + Net::prepacked_offset[I],
                .saved = buffer(Net::saved_buffer(I)),
                .scratch = buffer(Net::scratch_buffer(I, backward)),
                .seed = pass.seed,
                .epoch = pass.epoch,
                .node = I,
                .records = pass.records};
    for (int k = 0; k < Node::input_count; ++k) {
      const int tensor = Node::inputs[k];
      c.x[k] = buffer(a.value_root[tensor]);
      c.gx[k] = buffer(Net::tensor_count + a.gradient_root[tensor]);
      c.written[k] = &pass.written[tensor];
    }
    for (int k = Net::first_parameter[I]; k < Net::first_parameter[I + 1]; ++k) {
      const PlacedParameter& p = Net::parameters[k];
      const int i = k - Net::first_parameter[I];
      c.parameters[i] = pass.parameters + p.offset;
      c.gradients[i] = pass.gradients[p.segment] + p.gradient;
      c.frozen[i] = frozen && frozen->parameter[k];
      c.factors[i] = pass.factors[p.segment] + p.factors;
    }
    return c;
  }
};
template <class Net, int I>
using SiteOf = typename NodeSite<Net, I>::type;

// Calls f(node) for the nodes of the trunk and of the heads in the set, in order, that no neighbour
// computes.
template <class Net, class F>
void each_forward(HeadSet heads, F&& f) {
  const auto run = [&](auto node) {
    if constexpr (!Net::left_to_neighbour(decltype(node)::value)) f(node);
  };
  Net::Nodes::template each<0, Net::trunk_nodes>(run);
  unroll<Net::head_count>([&](auto h) {
    if (heads >> h & 1u) {
      Net::Nodes::template each<Net::segment_begin[h + 1], Net::segment_begin[h + 2]>(run);
    }
  });
}

// Node I.
template <int I, class Net>
void forward_node(const Pass<Net>& pass) {
  if (Net::activations.value_root[I + 1] == I + 1) value_of<I + 1>(pass).zero_halo(pass.samples);
  layer_forward<SiteOf<Net, I>>(NodeSite<Net, I>::call(pass, false));
}

// Nodes of the trunk and of the heads in the set, in order; of these [first, last) alone, which go on
// from what the ones before them have left.
template <class Net>
void forward(const Pass<Net>& pass, HeadSet heads, int first = 0, int last = Net::node_count) {
  each_forward<Net>(heads, [&](auto node) {
    if (node >= first && node < last) forward_node<decltype(node)::value>(pass);
  });
}

// Copies the value of tensor t, C x H x W floats a sample, which stays until a later node takes its
// place.
template <class Net>
void copy_value(const Pass<Net>& pass, int t, float* to) {
  const auto& a = Net::activations;
  const int root = a.value_root[t], halo = a.value_halo[root];
  const Shape s = Net::shapes[t];
  const bool planar = Net::layouts[t] == Layout::planar;
  const int pixel = planar ? 1 : lanes, row = (s.w + 2 * halo) * pixel;
  const int block = (s.h + 2 * halo) * row;
  const float* sample = pass.area + pass.places[root] + halo * (row + pixel);
  for (int n = 0; n < pass.samples; ++n) {
    for (int c = 0; c < s.c; ++c) {
      const float* from = sample + (planar ? c * block : c / lanes * block + c % lanes);
      for (int y = 0; y < s.h; ++y) {
        for (int x = 0; x < s.w; ++x) *to++ = from[y * row + x * pixel];
      }
    }
    sample += static_cast<std::ptrdiff_t>(planar ? s.c : block_count(s.c)) * block;
  }
}

namespace detail {

// Backward through nodes [First, Last).
template <class Net, int First, int Last>
void backward_nodes(const Pass<Net>& pass) {
  Net::Nodes::template each_backward<First, Last>([&](auto node) {
    constexpr int i = decltype(node)::value;
    if constexpr (Net::wants_gradient[i + 1] && !Net::left_to_neighbour(i)) {
      if (pass.frozen && !pass.frozen->wants[i + 1]) return;
      layer_backward<SiteOf<Net, i>>(NodeSite<Net, i>::call(pass, true));
    }
  });
}

}  // namespace detail

// Backward through one head, from the gradient of its output, or through the trunk, from that of its
// output. Gradients of parameters that are not reached, or are frozen, stay as they were; where all
// that comes before a layer is frozen, backward ends there.
template <int Head, class Net>
void backward_head(const Pass<Net>& pass) {
  detail::backward_nodes<Net, Net::segment_begin[Head + 1], Net::segment_begin[Head + 2]>(pass);
}
template <class Net>
void backward_trunk(const Pass<Net>& pass) {
  detail::backward_nodes<Net, 0, Net::trunk_nodes>(pass);
}

// Calls f(head) for the heads in the set, from the last to the first: the order of backward.
template <class Net, class F>
void each_head_backward(HeadSet heads, F&& f) {
  unroll<Net::head_count>([&](auto from_last) {
    constexpr int h = Net::head_count - 1 - from_last;
    if (heads >> h & 1u) f(std::integral_constant<int, h>{});
  });
}

// Backward through the heads in the set, from the gradients of their outputs, and the trunk.
template <class Net>
void backward(const Pass<Net>& pass, HeadSet heads) {
  each_head_backward<Net>(heads, [&](auto h) { backward_head<h>(pass); });
  backward_trunk(pass);
}

// Lets layers prepack what they want of floats [first, last) of parameter k, whole grains, or from
// all parameters.
template <class Net>
void prepack(const Pass<Net>& pass, int k, int first, int last) {
  Net::Nodes::each([&](auto node) {
    constexpr int i = decltype(node)::value;
    if constexpr (Net::prepacked_offset[i + 1] > Net::prepacked_offset[i]) {
      if (k == Net::first_parameter[i]) {
        layer_prepack<SiteOf<Net, i>>(NodeSite<Net, i>::call(pass, false), first, last);
      }
    }
  });
}
template <class Net>
void prepack(const Pass<Net>& pass) {
  for (int k = 0; k < Net::parameter_count; ++k)
    prepack(pass, k, 0, Net::parameters[k].spec.floats);
}

}  // namespace medley
