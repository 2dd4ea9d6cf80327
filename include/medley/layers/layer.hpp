// What a layer is.
//
// A layer is a type without state. Its shape rule, parameters and needs are constexpr; `forward`
// and `backward` work on one shard through a call object that knows the types of all tensors; both
// return nothing. All that a layer must have is in the concept at the end, most of it inherited from
// LayerDefaults.
//
//   io.samples             samples in this shard; Io::most_samples: of a full one
//   io.training            false in evaluation and prediction; of a layer with running statistics
//                          also where these are frozen: backward may follow then
//   io.x(), io.y()         input and output; Io::X, Io::Y their tensor types (io.template x<1>()
//                          etc. where a layer has several inputs)
//   io.gx(), io.gy()       gradients with respect to them; Io::GX, Io::GY
//   io.claim_x()           announces the writing of gx; true: add to it, another reader of x was
//                          there before; false: overwrite it. Once an input and backward pass.
//   io.wants_x             compile time: false where nobody needs gx (the network's input)
//   io.asks_x()            run time: false where nothing before this layer learns. Backward may leave
//                          out gx then, and where !io.learns(k) the gradient of parameter k: nobody
//                          reads them. (It does not run at all where neither is asked for.)
//   io.parameter(k)        k-th parameter, packed
//   io.learns(k)           run time: false where it is frozen
//   io.gradient(k)         its gradient; io.accumulate: add to it (else: overwrite)
//   io.factors(k)          where it leaves the factors of the gradient, if that is factored
//   io.prepacked()           what `prepack` made of the first parameter: prepack(io, first, last) is
//                          called after each change of its floats [first, last), whole grains
//   io.saved()             floats that live from forward to backward
//   io.scratch()           floats for the duration of this call: forward_scratch(x, samples) of
//                          them in forward, backward_scratch(x, samples) in backward; the plan
//                          gives their memory to others at all other times
//   io.updates_statistics  forward adds io.share (this shard's part of the batch) of its statistics
//                          to io.gradient of the running ones
//   io.noise(n)            stream of random numbers of sample n in this layer
//   Io::First              for layers with takes_relu: the Relu in front of this layer, or Linear
//   Io::Then               for layers with applies_activation: the activation behind this layer, or
//                          Linear. y is Then::value(result), gy the gradient of that
//
// To add a layer: a header here; its test; nothing else: an experiment names it.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>

#include "medley/base/parameter.hpp"
#include "medley/base/random.hpp"
#include "medley/base/tensor.hpp"
#include "medley/base/vec.hpp"

namespace medley {

// Share of a new batch in running statistics, as torch.nn.BatchNorm2d has it.
inline constexpr float statistics_momentum = 0.1f;

// Whether a layer computes the activation behind it (Io::Then) too; its backward pass then reads
// the activation's output, or computes it again.
enum class AppliesActivation { no, output_kept, output_recomputed };

// In place of an activation where there is none.
struct Linear {
  template <class V>
  MEDLEY_INLINE static V value(const V& x) {
    return x;
  }
  template <class V>
  MEDLEY_INLINE static V slope(const V& /*y*/, const V& gy) {
    return gy;
  }
};

// The layer whose functions compute another one: itself, or what it names as Computed because it
// differs in nothing but, say, its initial weights.
template <class L>
struct ComputedLayer {
  using type = L;
};
template <class L>
requires requires { typename L::Computed; }
struct ComputedLayer<L> {
  using type = typename L::Computed;
};

// In evaluation: a layer and the MaxPool<2> behind it, whose output y is; Io::Then is the Relu between
// them, or Linear.
template <class L>
struct WithMaxPool {
  template <class Io>
  static void forward(const Io& io) {
    L::forward_pooled(io);
  }
};

// The answers of a layer with one input that has no parameters and needs nothing. A layer overrides
// what differs.
struct LayerDefaults {
  // Why an input of this shape makes no sense, or the layer itself does not; empty: it does.
  static constexpr std::string_view refuses(Shape) { return {}; }
  static constexpr Shape output(Shape x) { return x; }
  static constexpr std::array<Parameter, 0> parameters(Shape, Layout) { return {}; }
  // Borders that the kernels expect: around the input, and around the gradient of the output.
  static constexpr int input_halo(Shape) { return 0; }
  static constexpr int gradient_halo(Shape) { return 0; }
  // What backward reads besides the gradient of the output.
  static constexpr bool reads_input = false, reads_output = false;
  // Output may overwrite input, and gradient of the input that of the output.
  static constexpr bool in_place = false;
  // In place its output has the same values, so that others may still read the input.
  static constexpr bool keeps_values = false;
  // Whether a Relu in front of this layer may be left to it, because it can take it more cheaply
  // behind its own work (Io::First).
  static constexpr bool takes_relu = false;
  // Whether an activation that follows is computed along with this layer, and whether this is one
  // that can be: then it does not run by itself. Saves passes over memory.
  static constexpr AppliesActivation applies_activation = AppliesActivation::no;
  static constexpr bool is_activation = false, is_relu = false;
  // Whether this is a MaxPool<2> whose windows tile an input of this shape, and whether in evaluation
  // one behind this layer may be left to it: to forward_pooled(io), where io.y() is that of the MaxPool.
  static constexpr bool halves(Shape) { return false; }
  static constexpr bool takes_max_pool(Shape) { return false; }
  // Can read a planar input of this shape; its output is planar then too.
  static constexpr bool takes_planar(Shape) { return false; }
  static constexpr bool keeps_layout = false;
  static constexpr int saved_floats(Shape, int /*samples*/) { return 0; }
  static constexpr int forward_scratch(Shape, int /*samples*/) { return 0; }
  static constexpr int backward_scratch(Shape, int /*samples*/) { return 0; }
  static constexpr int prepacked_floats(Shape, bool /*wants_x*/) { return 0; }
  // What `info` shows beside the type where a layer can be computed in several ways; the plain one
  // is empty.
  static constexpr std::string_view algorithm(Shape) { return {}; }
  // Multiply-adds count as 2, forward, one sample, by the definition of the layer.
  static constexpr double flops(Shape) { return 0; }
  // Reports the layer's options as f(name, number).
  template <class F>
  static void options(F&&) {}
};

namespace detail {

// In place of a call, to ask whether `forward` and `backward` can be called at all.
struct AnyCall {};

inline constexpr auto any_option = [](std::string_view, double) {};

}  // namespace detail

// What a layer with so many inputs (each of Inputs is Shape) lacks first; empty: nothing.
template <class L, std::same_as<Shape>... Inputs>
constexpr std::string_view lacking_in_layer() {
  using detail::AnyCall, detail::any_option;
  constexpr bool has_type = requires {
    { L::type } -> std::convertible_to<std::string_view>;
  };
  constexpr bool has_output = requires(Inputs... x) {
    { L::output(x...) } -> std::same_as<Shape>;
  };
  constexpr bool has_refuses = requires(Inputs... x) {
    { L::refuses(x...) } -> std::convertible_to<std::string_view>;
  };
  constexpr bool has_parameters = requires(Shape x, Layout layout) {
    std::tuple_size<decltype(L::parameters(x, layout))>::value;
    { *L::parameters(x, layout).begin() } -> std::convertible_to<Parameter>;
  };
  constexpr bool has_answers = requires(Shape x) {
    { L::input_halo(x) } -> std::convertible_to<int>;
    { L::gradient_halo(x) } -> std::convertible_to<int>;
    { L::saved_floats(x, 1) } -> std::convertible_to<int>;
    { L::forward_scratch(x, 1) } -> std::convertible_to<int>;
    { L::backward_scratch(x, 1) } -> std::convertible_to<int>;
    { L::prepacked_floats(x, true) } -> std::convertible_to<int>;
    { L::algorithm(x) } -> std::convertible_to<std::string_view>;
    { L::applies_activation } -> std::convertible_to<AppliesActivation>;
    L::reads_input ? L::reads_output : L::in_place;
    L::keeps_values ? true : L::reads_input;
    { L::takes_planar(x) } -> std::same_as<bool>;
    L::halves(x) ? true : L::takes_max_pool(x);
    L::keeps_layout ? true : L::takes_relu;
    L::is_activation ? L::is_relu : false;
  };
  constexpr bool has_flops = requires(Inputs... x) {
    { L::flops(x...) } -> std::convertible_to<double>;
  };
  constexpr bool has_options = requires { L::options(any_option); };
  constexpr bool has_forward = requires(const AnyCall& io) {
    { L::forward(io) } -> std::same_as<void>;
  };
  constexpr bool has_backward = requires(const AnyCall& io) {
    { L::backward(io) } -> std::same_as<void>;
  };
  if (!has_type) return "type, its name in reports";
  if (!has_output) return "output(shape), the shape of what it gives";
  if (!has_refuses) return "refuses(shape), why it cannot take an input";
  if (!has_parameters) return "parameters(shape, layout), an array of Parameter";
  if (!has_answers) return "an answer that layers inherit from LayerDefaults";
  if (!has_flops) return "flops(shape), the work for one sample";
  if (!has_options) return "options(f), its numbers for reports";
  if (!has_forward) return "forward(io)";
  if (!has_backward) return "backward(io)";
  if constexpr (has_answers) {
    constexpr bool has_function = requires(Vec v) {
      { L::value(v) } -> std::same_as<Vec>;
      { L::slope(v, v) } -> std::same_as<Vec>;
    };
    if (L::is_activation && !has_function) return "value(x) and slope(y, gy), as it is_activation";
  }
  return {};
}

template <class L, class... Inputs>
concept Layer = lacking_in_layer<L, Inputs...>()
.empty();

}  // namespace medley
