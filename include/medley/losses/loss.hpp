// What a loss is, and what it sees.
//
// A loss does not know of samples, pictures or layouts. It sees a block of `positions`, each with
// the outputs of a head (logits), a target and a coefficient:
//   * a head that answers once a picture: the block is a shard, a position is a sample;
//   * a dense head (one answer a pixel): the block is one picture, a position is a pixel.
// The coefficient carries everything that turns a sum into the documented mean: it is 0 where the
// target is missing, else 1 / (labelled records of the batch) for samples, and that again divided
// by the labelled pixels of the picture for pixels. So the value that `evaluate` returns, summed
// over blocks, is the mean over the batch. Targets where it is 0 are never looked at. A loss whose
// records weigh differently (class weights) has `record_weight(label)`; the coefficient is then
// record_weight / (sum of record_weight over the labelled records), the weighted mean of PyTorch.
//
// To add a loss: a header here, with the formula and its equivalents first; its test; and nothing
// else: an experiment names it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "medley/base/math.hpp"
#include "medley/base/vec.hpp"

namespace medley {

// What a loss compares with: an integer class a position, or a float for each channel.
enum class Compares : std::uint8_t { labels, values };

// Channel c of position p is at [c * positions + p]. `positions` is a multiple of 16; those that
// pad have coefficient 0 and finite logits.
template <int Channels>
struct LossBlock {
  static constexpr int channels = Channels;
  int positions = 0;
  const float* logits = nullptr;         // [channels][positions]
  const std::int32_t* labels = nullptr;  // [positions], in [0, classes) where coefficient > 0
  const float* values = nullptr;         // [channels][positions]
  const float* coefficient = nullptr;    // [positions], >= 0
  // [channels][positions]: += weight * d value / d logits. Null: only the value is wanted.
  float* gradient = nullptr;
  float weight = 1.0f;

  // Sixteen positions from p on.
  MEDLEY_INLINE Vec logit(int c, int p) const { return Vec::load(logits + at(c, p)); }
  MEDLEY_INLINE Vec label(int p) const { return Vec::load_integers(labels + p); }
  MEDLEY_INLINE Vec share(int p) const { return Vec::load(coefficient + p); }
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
// reports, `compares` its kind of target, `evaluate` its value and gradient over a block, `options`
// reports its numbers as f(name, value), and `valid` says whether these are allowed for the head
// (asked while compiling; where `options` can be too, the error shows the numbers).
template <class L, int Channels>
constexpr std::string_view lacking_in_loss() {
  constexpr bool has_type = requires {
    { L::type } -> std::convertible_to<std::string_view>;
  };
  constexpr bool has_compares = requires {
    { L::compares } -> std::convertible_to<Compares>;
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

// A loss that is defined over the pixels of a picture only says `dense_only`.
template <class L>
inline constexpr bool dense_only = requires {
  requires L::dense_only;
};

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
