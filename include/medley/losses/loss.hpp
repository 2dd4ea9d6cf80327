// What a loss is, and what it sees.
//
// A loss does not know of samples, pictures or layouts. It sees a block of `positions`, each with
// the outputs of a head (logits), a target and a sample weight:
//   * a head that answers once a picture: the block is a shard, a position is a sample;
//   * a dense head (one answer a pixel): the block is one picture, a position is a pixel.
// The sample weight carries everything that turns a sum into the documented mean, so that the value
// that `evaluate` returns, summed over blocks, is the mean over the batch. It is 0 where the target
// is missing (targets there are never looked at), else
//   w / Σ w over the labelled records of the batch        for samples;
//   w / Σ w over the labelled pixels of the batch         for pixels, Over::batch;
//   w / Σ w over the labelled pixels of the picture, divided by the pictures that have any
//                                                         for pixels, Over::pictures.
// w is the record's weight (weight.npy, else 1), times `record_weight(label)` of a loss that has class
// weights: the weighted mean of PyTorch. Where pictures are averaged, w of a record weighs its picture,
// and class weights its pixels: Σ w / Σ w over the labelled pictures is in place of 1 / their number.
//
// To add a loss: a header here, with the formula and its equivalents first; its test; and nothing
// else: an experiment names it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "medley/base/exact_math.hpp"
#include "medley/base/math.hpp"
#include "medley/base/vec.hpp"
#include "medley/losses/outputs.hpp"

namespace medley {

// What a loss compares with: an integer class a position, or a float for each channel.
enum class Compares : std::uint8_t { labels, values };

// Channel c of position p is at [c * positions + p]. `positions` is a multiple of 16; those that
// pad have sample weight 0 and finite logits.
template <int Channels>
struct LossBlock {
  static constexpr int channels = Channels;
  int positions = 0;
  const float* logits = nullptr;         // [channels][positions]
  const std::int32_t* labels = nullptr;  // [positions], in [0, classes) where sample_weight > 0
  const float* values = nullptr;         // [channels][positions]
  const float* sample_weight = nullptr;  // [positions], >= 0
  // [channels][positions]: += weight * d value / d logits. Null: only the value is wanted.
  float* gradient = nullptr;
  float weight = 1.0f;

  // Sixteen positions from p on.
  MEDLEY_INLINE Vec logit(int c, int p) const { return Vec::load(logits + at(c, p)); }
  MEDLEY_INLINE Vec label(int p) const { return Vec::load_integers(labels + p); }
  MEDLEY_INLINE Vec share(int p) const { return Vec::load(sample_weight + p); }
  MEDLEY_INLINE Vec::Mask present(int p) const { return Vec::zero() < share(p); }
  // 0 where the target is missing, whatever is stored there.
  MEDLEY_INLINE Vec value(int c, int p) const {
    return select(present(p), Vec::load(values + at(c, p)), Vec::zero());
  }
  MEDLEY_INLINE void add_gradient(int c, int p, const Vec& derivative) const {
    float* g = gradient + at(c, p);
    fma(Vec::broadcast(weight), derivative, Vec::load(g)).store(g);
  }

 private:
  MEDLEY_INLINE std::ptrdiff_t at(int c, int p) const {
    return static_cast<std::ptrdiff_t>(c) * positions + p;
  }
};

// What a loss on a head of so many channels lacks first; empty: nothing. `type` is its name in
// reports, `compares` its kind of target, `outputs` what it takes the head's outputs for, `evaluate`
// its value and gradient over a block, `options` reports its numbers as f(name, value), and `valid`
// says whether these are allowed for the head (asked while compiling; where `options` can be too,
// the error shows the numbers).
template <class L, int Channels>
constexpr std::string_view lacking_in_loss() {
  constexpr bool has_type = requires {
    { L::type } -> std::convertible_to<std::string_view>;
  };
  constexpr bool has_compares = requires {
    { L::compares } -> std::convertible_to<Compares>;
  };
  constexpr bool has_outputs = requires {
    { L::outputs } -> std::convertible_to<Outputs>;
  };
  constexpr bool has_evaluate = requires(const L& loss, const LossBlock<Channels>& block) {
    { loss.evaluate(block) } -> std::same_as<float>;
  };
  constexpr bool has_valid = requires(const L& loss) {
    { loss.valid(Channels) } -> std::same_as<bool>;
  };
  constexpr bool has_options = requires(const L& loss) {
    loss.options([](std::string_view, double) {});
  };
  if (!has_type) return "type, its name in reports";
  if (!has_compares) return "compares, its kind of target";
  if (!has_outputs) return "outputs, what it takes the head's outputs for";
  if (!has_evaluate) return "evaluate(block), which returns a float";
  if (!has_valid) return "valid(channels), which returns a bool";
  if (!has_options) return "options(f), its numbers for reports";
  return {};
}

template <class L, int Channels>
concept Loss = lacking_in_loss<L, Channels>()
.empty();

// How much a record with this label counts; 1 for losses that do not say.
template <class L>
constexpr float record_weight(const L& loss, std::int32_t label) {
  if constexpr (requires { loss.record_weight(label); }) {
    return loss.record_weight(label);
  } else {
    return 1.0f;
  }
}

// The mean value where all outputs are 0 and so say nothing of the targets; 0 for losses whose
// value then hangs on the targets.
template <class L>
constexpr double guessed_value(const L& loss, int channels) {
  if constexpr (requires { loss.guess(channels); }) {
    return loss.guess(channels);
  } else {
    return 0.0;
  }
}

// A loss that is defined over the pixels of a picture only says `dense_only`. It is no sum over
// pixels, so that over the batch it needs sums of all blocks before its gradient is known.
template <class L>
inline constexpr bool dense_only = requires {
  requires L::dense_only;
};

// A loss that can do that: `add_sums` adds a block's to `sum_count` sums, `value_of` is the loss of
// the sums of all blocks, and `add_gradient_of` adds that loss's gradient to a block. Blocks are as
// for `evaluate`, but the sample weight is the record's, which multiplies what its pixels add to the
// sums; 0 where there is no label.
template <class L, int Channels>
concept SummedLoss = Loss<L, Channels> &&
    requires(const L& loss, const LossBlock<Channels>& block, double* sums) {
  { L::template sum_count<Channels> } -> std::convertible_to<int>;
  loss.add_sums(block, sums);
  { loss.template value_of<Channels>(sums) } -> std::same_as<double>;
  loss.add_gradient_of(block, sums);
};

// What a term on a mask is taken over unless it says otherwise: the batch, or what the loss says.
template <class L>
inline constexpr Over default_over = [] {
  if constexpr (requires { L::over; }) return L::over;
  return Over::batch;
}();

// What a penalty on parameters lacks first; empty: nothing. `value` and `derivative` are of one
// weight's share, before the term's weight.
template <class P>
constexpr std::string_view lacking_in_penalty() {
  constexpr bool has_type = requires {
    { P::type } -> std::convertible_to<std::string_view>;
  };
  constexpr bool has_value = requires(Vec w) {
    { P::value(w) } -> std::same_as<Vec>;
  };
  constexpr bool has_derivative = requires(Vec w) {
    { P::derivative(w) } -> std::same_as<Vec>;
  };
  if (!has_type) return "type, its name in reports";
  if (!has_value) return "value(w), which returns a Vec";
  if (!has_derivative) return "derivative(w), which returns a Vec";
  return {};
}

template <class P>
concept Penalty = lacking_in_penalty<P>()
.empty();

}  // namespace medley
