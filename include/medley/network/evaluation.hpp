// The forward pass of evaluation and prediction. No backward pass follows: a value is needed up to its
// last reader, and samples go through a stage of the network, which is some nodes one after the other,
// a few at a time, so that what one node has written is still near when the next one reads it. What
// is computed of a sample does not depend on the samples beside it. A layer may compute the pooling
// behind it, too, whose input then is nowhere.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "medley/network/pass.hpp"

namespace medley {

template <class Net>
class EvaluationPlan {
  static constexpr const auto& activations = Net::activations;
  static constexpr int node_count = Net::node_count, tensor_count = Net::tensor_count;
  template <class T>
  using OfTensors = std::array<T, static_cast<std::size_t>(tensor_count)>;

  // Whether node i computes nodes up to `last`, a MaxPool, which alone reads what it makes itself.
  template <int I, int Last>
  static constexpr bool pools() {
    if constexpr (Last >= node_count) {
      return false;
    } else {
      const auto& a = activations;
      return Net::template LayerAt<I>::takes_max_pool(
                 Net::shapes[Net::template NodeAt<I>::inputs[0]]) &&
             Net::template LayerAt<Last>::halves(Net::shapes[Last]) &&
             Net::template NodeAt<Last>::inputs[0] == Last &&
             Net::segment_of(I) == Net::segment_of(Last) && a.readers[I + 1] == 1 &&
             Net::template NodeAt<I + 1>::inputs[0] == I + 1 &&
             (Last == I + 1 || a.takes_previous[Last]);  // a Relu between them
    }
  }

 public:
  // The last node that node i computes along with itself: i, or a MaxPool behind it.
  static constexpr std::array<int, static_cast<std::size_t>(node_count)> computes = [] {
    std::array<int, static_cast<std::size_t>(node_count)> last{};
    Net::Nodes::each([&](auto node) {
      constexpr int i = decltype(node)::value;
      last[i] = pools<i, i + 1>() ? i + 1 : pools<i, i + 2>() ? i + 2 : i;
    });
    return last;
  }();
  // The node that computes node i.
  static constexpr int computed_by(int node) {
    for (int i = std::max(node - 2, 0); i < node; ++i) {
      if (computes[i] >= node) return i;
    }
    return node;
  }

 private:
  // Nodes from the one that makes a value to its last reader, by the root of what shares its memory; the
  // input is there before all nodes, and outputs of heads are read after all.
  static constexpr OfTensors<Lifetime> uses = [] {
    OfTensors<Lifetime> life;
    life.fill({node_count, -1});
    const auto use = [&](int tensor, int node) {
      Lifetime& l = life[activations.value_root[tensor]];
      l = {std::min(l.first, node), std::max(l.last, node)};
    };
    use(0, 0);
    Net::Nodes::each([&](auto i) {
      const int by = computed_by(i);
      if (computes[by] == i) use(i + 1, by);
      if (by < i) return;
      for (const int t : Net::template NodeAt<decltype(i)::value>::inputs) use(t, i);
    });
    for (const int out : Net::head_output) use(out, node_count);
    return life;
  }();
  static constexpr std::size_t sample_floats(int root) {
    return activations.buffers[root].floats / Net::samples;
  }

 public:
  // Half of a second-level cache, in floats: what values that are in use together should fit.
  static constexpr std::size_t near = 131'072;

  // Samples that go through node i together: a shard's, halved until they fit.
  static constexpr std::array<int, static_cast<std::size_t>(node_count)> together = [] {
    std::array<int, static_cast<std::size_t>(node_count)> samples{};
    for (int i = 0; i < node_count; ++i) {
      std::size_t floats = 0;
      for (int t = 0; t < tensor_count; ++t) {
        const bool is_read = i <= uses[t].last && uses[t].last < node_count;  // by another node
        if (uses[t].first == i || (uses[t].first < i && is_read)) floats += sample_floats(t);
      }
      samples[i] = Net::samples;
      while (samples[i] % 2 == 0 && samples[i] * floats > near) samples[i] /= 2;
      samples[i] = samples[computed_by(i)];
    }
    return samples;
  }();
  // The nodes of a stage, [first, end), have as many samples together; each stage does all samples before
  // the next one begins.
  static constexpr int stage_first(int node) {
    while (node > 0 && together[node - 1] == together[node]) --node;
    return node;
  }
  static constexpr int stage_end(int node) {
    int last = node + 1;
    while (last < node_count && together[last] == together[node]) ++last;
    return last;
  }

  struct Places {
    std::array<std::size_t, Net::buffer_count> at{};  // of the first samples
    // To the next sample's value; 0: it takes the place of the one before.
    OfTensors<std::size_t> step{};
    std::size_t floats = 0;
  };
  static constexpr Places places = [] {
    Places p;
    auto buffers = activations.buffers;
    for (Buffer& b : buffers) b.floats = 0;
    for (int t = 0; t < tensor_count; ++t) {
      if (activations.value_root[t] != t) continue;
      const auto [first, last] = uses[t];
      if (last < 0) continue;  // nowhere
      // Of all samples, if another stage reads it.
      const bool stays = t == 0 || last == node_count || stage_first(first) != stage_first(last);
      p.step[t] = stays ? sample_floats(t) : 0;
      buffers[t].floats = sample_floats(t) * (stays ? Net::samples : together[first]);
      buffers[t].life =
          stays ? Lifetime{stage_first(first), last == node_count ? last : stage_end(last) - 1}
                : uses[t];
    }
    for (int i = 0; i < node_count; ++i) {
      for (const int buffer : {Net::saved_buffer(i), Net::scratch_buffer(i, false)}) {
        buffers[buffer] = {.floats = activations.buffers[buffer].floats, .life = {i, i}};
      }
    }
    p.floats = place(buffers);
    for (std::size_t b = 0; b < buffers.size(); ++b) p.at[b] = buffers[b].offset;
    return p;
  }();
};

// Tells a pass where values lie in evaluation: to be called before the input is written.
template <class Net>
void prepare_evaluation(Pass<Net>& pass) {
  using Plan = EvaluationPlan<Net>;
  if constexpr (Plan::places.floats <= Net::activation_floats) pass.places = Plan::places.at;
}

// Node I, unless another one computes it.
template <int I, class Net>
void evaluate_node(const Pass<Net>& pass) {
  using Plan = EvaluationPlan<Net>;
  constexpr int last = Plan::computes[I];
  if constexpr (last > I) {
    using Here = NodeSite<Net, I>;
    using Pool = SiteOf<Net, last>;
    using Both = Site<WithMaxPool<typename Here::Layer>, Linear, typename Pool::First, Net::samples,
                      typename Pool::Y, typename Pool::GY,
                      typename Here::template InputOf<Here::Node::inputs[0]>>;
    const auto y = value_of<last + 1>(pass);
    y.zero_halo(pass.samples);
    LayerCall call = Here::call(pass, false);
    call.y = y.data;
    layer_forward<Both>(call);
  } else if constexpr (Plan::computed_by(I) == I) {
    forward_node<I>(pass);
  }
}

// All nodes; the outputs of the heads are there afterwards.
template <class Net>
void evaluate(Pass<Net>& pass) {
  using Plan = EvaluationPlan<Net>;
  constexpr HeadSet heads = (HeadSet{1} << Net::head_count) - 1;
  if constexpr (Plan::places.floats > Net::activation_floats) {
    forward(pass, heads);
  } else {
    const int samples = pass.samples;
    const auto begin_with = [&](int sample) {
      for (int t = 0; t < Net::tensor_count; ++t) {
        pass.places[t] =
            Plan::places.at[t] + static_cast<std::size_t>(sample) * Plan::places.step[t];
      }
    };
    for (int first = 0, last; first < Net::node_count; first = last) {
      last = Plan::stage_end(first);
      for (int n = 0; n < samples; n += Plan::together[first]) {
        begin_with(n);
        pass.samples = std::min(Plan::together[first], samples - n);
        each_forward<Net>(heads, [&](auto node) {
          if (node >= first && node < last) evaluate_node<decltype(node)::value>(pass);
        });
      }
    }
    begin_with(0);
    pass.samples = samples;
  }
}

}  // namespace medley
