// What a layer is.
//
// A layer is a type without state. Its shape rule, parameters and needs are constexpr; `forward`
// and `backward` work on one shard through a call object that knows the types of all tensors.
//
//   io.samples             samples in this shard; Io::most_samples: of a full one
//   io.training            false in evaluation and prediction
//   io.x(), io.y()         input and output; Io::X, Io::Y their tensor types (io.template x<1>()
//                          etc. where a layer has several inputs)
//   io.gx(), io.gy()       gradients with respect to them; Io::GX, Io::GY
//   io.claim_x()           announces the writing of gx; true: add to it, another reader of x was
//                          there before; false: overwrite it. Once an input and backward pass.
//   io.wants_x             compile time: false where nobody needs gx (the network's input)
//   io.parameter(k)        k-th parameter, packed
//   io.gradient(k)         its gradient; io.accumulate: add to it (else: overwrite)
//   io.factors(k)          where it leaves the factors of the gradient, if that is factored
//   io.derived()           what `derive` made of the first parameter: derive(io, first, last) is
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
#include <string_view>

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

// The answers of a layer with one input that has no parameters and needs nothing. A layer overrides
// what differs.
struct LayerDefaults {
  // Whether an input of this shape makes sense.
  static constexpr bool accepts(Shape) { return true; }
  static constexpr Shape output(Shape x) { return x; }
  static constexpr std::array<Parameter, 0> parameters(Shape, Layout) { return {}; }
  // Borders that the kernels expect: around the input, and around the gradient of the output.
  static constexpr int input_halo(Shape) { return 0; }
  static constexpr int gradient_halo(Shape) { return 0; }
  // What backward reads besides the gradient of the output.
  static constexpr bool reads_input = false, reads_output = false;
  // Output may overwrite input, and gradient of the input that of the output.
  static constexpr bool in_place = false;
  // Whether a Relu in front of this layer may be left to it, because it can take it more cheaply
  // behind its own work (Io::First).
  static constexpr bool takes_relu = false;
  // Whether an activation that follows is computed along with this layer, and whether this is one
  // that can be: then it does not run by itself. Saves passes over memory.
  static constexpr AppliesActivation applies_activation = AppliesActivation::no;
  static constexpr bool is_activation = false, is_relu = false;
  // Can read a planar input; its output is planar then too.
  static constexpr bool takes_planar = false, keeps_layout = false;
  static constexpr int saved_floats(Shape, int /*samples*/) { return 0; }
  static constexpr int forward_scratch(Shape, int /*samples*/) { return 0; }
  static constexpr int backward_scratch(Shape, int /*samples*/) { return 0; }
  static constexpr int derived_floats(Shape, bool /*wants_x*/) { return 0; }
  // What `info` shows beside the type where a layer can be computed in several ways; the plain one
  // is empty.
  static constexpr std::string_view algorithm(Shape) { return {}; }
  // Multiply-adds count as 2, forward, one sample, by the definition of the layer.
  static constexpr double flops(Shape) { return 0; }
  // Reports the layer's options as f(name, number).
  template <class F>
  static void options(F&&) {}
};

}  // namespace medley
