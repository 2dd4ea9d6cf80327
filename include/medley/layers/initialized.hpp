// A layer with initial weights of its own, instead of those that the experiment gives to all:
//
//   Initialized<Conv<64>, Initial::orthogonal.scaled(1.41)>
//   Initialized<Dense<10>, Initial::zero>
//   WithPrior<Dense<3>, prior::frequencies(70, 20, 10)>
//   WithPrior<Initialized<Dense<1>, Initial::zero>, prior::probability(0.02)>
//
// Of a normalization, Initial::zero makes the branch of a residual begin at nothing (Goyal et al.
// 2017): Residual<Sequence<Conv<32>, Initialized<GroupNorm<4>, Initial::zero>>>.
#pragma once

#include <string_view>

#include "medley/layers/layer.hpp"

namespace medley {

namespace detail {

// The place of a parameter in a layer's list; -1 if it has none of that name.
template <class List>
constexpr int parameter_index(const List& list, std::string_view name) {
  for (std::size_t k = 0; k < list.size(); ++k) {
    if (list[k].name == name) return static_cast<int>(k);
  }
  return -1;
}

// The parameter of that name for an input that any layer takes; an empty one if there is none.
template <class Layer>
constexpr Parameter sample_parameter(std::string_view name) {
  if constexpr (requires { Layer::parameters(Shape{}, Layout{}); }) {
    const auto list = Layer::parameters(Shape{lanes, 16, 16}, Layout::blocked);
    const int k = parameter_index(list, name);
    if (k >= 0) return list[static_cast<std::size_t>(k)];
  }
  return {};
}

}  // namespace detail

// `Layer` with its weight drawn as `Weight` says.
template <class Layer, Initial Weight>
struct Initialized : Layer {
  using Computed = typename ComputedLayer<Layer>::type;
  static constexpr Parameter weight = detail::sample_parameter<Layer>("weight");
  static_assert(!weight.name.empty(), "Initialized: this layer has no weight");
  static_assert(Weight.valid(), "Initialized: the scale must be a positive number");
  static_assert(Weight.scheme != Initial::Scheme::prior,
                "Initialized: a prior is for biases: WithPrior<Layer, prior::...>");
  static_assert(weight.name.empty() || weight.decays || !Weight.drawn(),
                "Initialized: a normalization begins with Initial::zero or Initial::one");
  static_assert(!weight.decays || Weight.scheme != Initial::Scheme::one,
                "Initialized: weights that are all one stay alike");

  // For Direct<> and ByWinograd<>.
  template <auto Algorithm, class Convolution = Layer>
  using With = Initialized<typename Convolution::template With<Algorithm>, Weight>;

  static constexpr auto parameters(Shape x, Layout layout) {
    auto list = Layer::parameters(x, layout);
    const int k = detail::parameter_index(list, "weight");
    if (k >= 0) list[static_cast<std::size_t>(k)].initial = Weight;
    return list;
  }
};

// `Layer` with a bias with which its first outputs are, but for what its weights add, those of a
// Prior.
template <class Layer, Prior Bias>
struct WithPrior : Layer {
  using Computed = typename ComputedLayer<Layer>::type;
  static constexpr Parameter bias = detail::sample_parameter<Layer>("bias");
  static_assert(bias.initial.scheme == Initial::Scheme::automatic && !bias.name.empty(),
                "WithPrior: this layer has no bias to its weights");
  static_assert(Bias.valid,
                "WithPrior: frequencies must be positive, probabilities between 0 and 1, values "
                "finite");
  static_assert(bias.name.empty() || bias.elements() == static_cast<int>(Bias.bias.size()),
                "WithPrior: a prior has as many numbers as its layer has outputs");

  template <auto Algorithm, class Convolution = Layer>
  using With = WithPrior<typename Convolution::template With<Algorithm>, Bias>;

  static constexpr auto parameters(Shape x, Layout layout) {
    auto list = Layer::parameters(x, layout);
    const int k = detail::parameter_index(list, "bias");
    if (k >= 0) {
      list[static_cast<std::size_t>(k)].initial = Initial::prior;
      list[static_cast<std::size_t>(k)].prior = Bias.bias.data();
    }
    return list;
  }
};

}  // namespace medley
