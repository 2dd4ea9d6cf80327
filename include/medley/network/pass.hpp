// Running a network: one shard forward, and backward from the heads' gradients.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "medley/base/random.hpp"
#include "medley/network/network.hpp"

namespace medley {

// What a pass over one shard works with. All memory belongs to the arena.
template <class Net>
struct Pass {
  float* area = nullptr;  // activations of the worker
  const float* parameters = nullptr;
  float* derived = nullptr;    // transposed or transformed weights
  float* gradients = nullptr;  // of the parameters
  float* factors = nullptr;    // of the factored gradients, of this shard
  bool accumulate = false;     // add to `gradients` instead of overwriting them
  int samples = 0;
  bool training = false;
  bool updates_statistics = false;  // forward also collects running statistics in `gradients`
  float share = 0.0f;               // of this shard in the batch
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
  const std::uint64_t* records = nullptr;  // of the samples, for their random numbers
  // Gradients of values that have been written in this backward pass.
  mutable std::array<bool, Net::tensor_count> written{};
};

// What a layer sees; see layers/layer.hpp.
template <class Net, int I, bool Backward = false>
struct Call {
  using Node = typename Net::template NodeAt<I>;
  static constexpr int input_count = Node::input_count;
  static constexpr int most_samples = Net::samples;
  static constexpr std::array<Shape, Node::inputs.size()> input_shapes = [] {
    std::array<Shape, Node::inputs.size()> shape{};
    for (std::size_t k = 0; k < shape.size(); ++k) shape[k] = Net::shapes[Node::inputs[k]];
    return shape;
  }();
  template <int K>
  static constexpr bool wants = Net::wants_gradient[Node::inputs[K]];
  static constexpr bool wants_x = wants<0>;

  // The Relu that this layer takes from its input, and the activation that it applies to its
  // output.
  using First = std::conditional_t<Net::activations.takes_previous[I],
                                   typename Net::template LayerAt<std::max(I - 1, 0)>, Linear>;
  using Then =
      std::conditional_t<Net::activations.applies_next[I],
                         typename Net::template LayerAt<std::min(I + 1, Net::node_count - 1)>,
                         Linear>;

  using X = typename Net::template Value<Node::inputs[0]>;
  using Y = typename Net::template Value<I + 1>;
  using GX = typename Net::template Gradient<Node::inputs[0]>;
  using GY = typename Net::template Gradient<I + 1>;

  const Pass<Net>& pass;
  int samples = pass.samples;
  bool training = pass.training;
  bool accumulate = pass.accumulate;
  bool updates_statistics = pass.updates_statistics;
  float share = pass.share;

  template <int K = 0>
  auto x() const {
    return Net::template value<Node::inputs[K]>(pass.area);
  }
  auto y() const { return Net::template value<I + 1>(pass.area); }
  template <int K = 0>
  auto gx() const {
    return Net::template gradient<Node::inputs[K]>(pass.area);
  }
  auto gy() const { return Net::template gradient<I + 1>(pass.area); }

  template <int K = 0>
  bool claim_x() const {
    constexpr int tensor = Node::inputs[K];
    const bool before = pass.written[tensor];
    pass.written[tensor] = true;
    if (!before && gx<K>().data != gy().data) gx<K>().zero_halo(samples);
    return before;
  }

  const float* parameter(int k) const { return pass.parameters + placed(k).offset; }
  float* gradient(int k) const { return pass.gradients + placed(k).gradient; }
  float* factors(int k) const { return pass.factors + placed(k).factors; }
  float* derived() const { return pass.derived + Net::derived_offset[I]; }
  float* saved() const { return pass.area + Net::activations.buffers[Net::saved_buffer(I)].offset; }
  float* scratch() const {
    return pass.area + Net::activations.buffers[Net::scratch_buffer(I, Backward)].offset;
  }
  RandomStream noise(int n) const {
    // 40 bits of record, 8 of layer.
    return {pass.seed, Purpose::dropout, pass.epoch,
            (pass.records[n] & 0xFF'FFFF'FFFFu) | static_cast<std::uint64_t>(I) << 40};
  }

 private:
  static constexpr const PlacedParameter& placed(int k) {
    return Net::parameters[static_cast<std::size_t>(Net::first_parameter[I] + k)];
  }
};

// Nodes of the trunk and of the heads in the set, in order.
template <class Net>
void forward(const Pass<Net>& pass, HeadSet heads) {
  const auto run = [&](auto node) {
    constexpr int i = decltype(node)::value;
    if constexpr (!Net::left_to_neighbour(i)) {
      const Call<Net, i> call{pass};
      if (Net::activations.value_root[i + 1] == i + 1) call.y().zero_halo(pass.samples);
      Net::template LayerAt<i>::forward(call);
    }
  };
  Net::Nodes::template each<0, Net::trunk_nodes>(run);
  unroll<Net::head_count>([&](auto h) {
    if (heads >> h & 1u) {
      Net::Nodes::template each<Net::segment_begin[h + 1], Net::segment_begin[h + 2]>(run);
    }
  });
}

// Backward through the heads in the set, from the gradients of their outputs, and the trunk.
// Gradients of parameters that are not reached stay as they were.
template <class Net>
void backward(const Pass<Net>& pass, HeadSet heads) {
  const auto run = [&](auto node) {
    constexpr int i = decltype(node)::value;
    if constexpr (Net::wants_gradient[i + 1] && !Net::left_to_neighbour(i)) {
      Net::template LayerAt<i>::backward(Call<Net, i, true>{pass});
    }
  };
  unroll<Net::head_count>([&](auto from_last) {
    constexpr int h = Net::head_count - 1 - from_last;
    if (heads >> h & 1u) {
      Net::Nodes::template each_backward<Net::segment_begin[h + 1], Net::segment_begin[h + 2]>(run);
    }
  });
  Net::Nodes::template each_backward<0, Net::trunk_nodes>(run);
}

// Lets layers derive what they want from floats [first, last) of parameter k, whole grains, or from
// all parameters.
template <class Net>
void derive(const Pass<Net>& pass, int k, int first, int last) {
  Net::Nodes::each([&](auto node) {
    constexpr int i = decltype(node)::value;
    if constexpr (Net::derived_offset[i + 1] > Net::derived_offset[i]) {
      if (k == Net::first_parameter[i]) {
        Net::template LayerAt<i>::derive(Call<Net, i>{pass}, first, last);
      }
    }
  });
}
template <class Net>
void derive(const Pass<Net>& pass) {
  for (int k = 0; k < Net::parameter_count; ++k) derive(pass, k, 0, Net::parameters[k].spec.floats);
}

}  // namespace medley
