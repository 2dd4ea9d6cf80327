// Where a layer stands, as far as its code depends on it: its type and the tensors around it, but
// not the network. One compiled function so serves every network that has such a layer, and a build
// keeps it for all experiments (src/engine/layers.sh).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "medley/layers/layer.hpp"

namespace medley {

// An input of a layer and its gradient as types of tensors, and whether anybody asks for that.
template <class Value, class Gradient, bool Wanted>
struct Input {
  using X = Value;
  using GX = Gradient;
  static constexpr bool wanted = Wanted;
};

// A layer with at most Samples samples in a shard, the Relu that it takes from its input and the
// activation that it applies to its output (or Linear), its output and inputs.
template <class LayerType, class FirstType, class ThenType, int Samples, class Value,
          class Gradient, class... Inputs>
struct Site {
  using Layer = LayerType;
  using First = FirstType;
  using Then = ThenType;
  using Y = Value;
  using GY = Gradient;
  template <int K>
  using InputAt = std::tuple_element_t<K, std::tuple<Inputs...>>;
  static constexpr int most_samples = Samples;
  static constexpr int input_count = sizeof...(Inputs);
  static constexpr std::array<Shape, sizeof...(Inputs)> input_shapes{Inputs::X::shape...};
};

// A call of a layer's function: pointers, and what holds for this shard.
struct LayerCall {
  static constexpr int most_inputs = 16, most_parameters = 8;

  int samples = 0;
  bool training = false, accumulate = false, updates_statistics = false;
  bool asks_x = true;
  float share = 0.0f;
  float* y = nullptr;
  float* gy = nullptr;
  std::array<float*, most_inputs> x{}, gx{};
  std::array<bool*, most_inputs> written{};  // whether a reader before has written gx
  std::array<const float*, most_parameters> parameters{};
  std::array<float*, most_parameters> gradients{}, factors{};
  std::array<bool, most_parameters> frozen{};
  float* prepacked = nullptr;
  float* saved = nullptr;
  float* scratch = nullptr;
  // Of dropout's random numbers.
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
  int node = 0;
  const std::uint64_t* records = nullptr;
};

// What a layer sees of a call; see layers/layer.hpp.
template <class S>
class LayerIo {
 public:
  using X = typename S::template InputAt<0>::X;
  using GX = typename S::template InputAt<0>::GX;
  using Y = typename S::Y;
  using GY = typename S::GY;
  using First = typename S::First;
  using Then = typename S::Then;
  static constexpr int most_samples = S::most_samples;
  static constexpr int input_count = S::input_count;
  static constexpr auto input_shapes = S::input_shapes;
  template <int K>
  static constexpr bool wants = S::template InputAt<K>::wanted;
  static constexpr bool wants_x = wants<0>;

  explicit LayerIo(const LayerCall& call)
      : samples(call.samples),
        training(call.training),
        accumulate(call.accumulate),
        updates_statistics(call.updates_statistics),
        share(call.share),
        call_(call) {}

  const int samples;
  const bool training, accumulate, updates_statistics;
  const float share;

  template <int K = 0>
  auto x() const {
    return typename S::template InputAt<K>::X{call_.x[K]};
  }
  auto y() const { return Y{call_.y}; }
  template <int K = 0>
  auto gx() const {
    return typename S::template InputAt<K>::GX{call_.gx[K]};
  }
  auto gy() const { return GY{call_.gy}; }

  template <int K = 0>
  bool claim_x() const {
    const bool before = *call_.written[K];
    *call_.written[K] = true;
    if (!before && call_.gx[K] != call_.gy) gx<K>().zero_halo(samples);
    return before;
  }

  bool asks_x() const { return call_.asks_x; }
  bool learns(int k) const { return !call_.frozen[at(k)]; }
  const float* parameter(int k) const { return call_.parameters[at(k)]; }
  float* gradient(int k) const { return call_.gradients[at(k)]; }
  float* factors(int k) const { return call_.factors[at(k)]; }
  float* prepacked() const { return call_.prepacked; }
  float* saved() const { return call_.saved; }
  float* scratch() const { return call_.scratch; }
  RandomStream noise(int n) const {
    // 40 bits of record, 8 of layer.
    return {call_.seed, Purpose::dropout, call_.epoch,
            (call_.records[n] & 0xFF'FFFF'FFFFu) | static_cast<std::uint64_t>(call_.node) << 40};
  }

 private:
  static constexpr std::size_t at(int k) { return static_cast<std::size_t>(k); }

  const LayerCall& call_;
};

// The functions of a layer at a site: forward, backward, and what it prepacks of floats
// [first, last) of its first parameter.
template <class S>
void layer_forward(const LayerCall& call);
template <class S>
void layer_backward(const LayerCall& call);
template <class S>
void layer_prepack(const LayerCall& call, int first, int last);

}  // namespace medley

// Engines find them among those compiled for all experiments.
#if !defined(MEDLEY_LAYERS_ELSEWHERE)
#include "medley/network/site_functions.hpp"
#endif
