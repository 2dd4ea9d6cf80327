// What a mix is: the rule that turns the K losses of a group into one direction,
//
//   g = Σ_k w_k · ∇l_k,
//
// by answering K weights in double precision. Penalties are none of its losses: they keep their own
// weights and join afterwards. A mix is a small struct that can be copied as bytes, and says what it
// needs:
//
//   nothing           w from the losses' own weights and what it keeps; one backward pass serves all
//   values            w from the losses' values as well (scalarizations)
//   gramian           w after the pass, from the inner products of the losses' gradients over the
//                     trunk: one backward pass of the trunk a loss. Heads take the gradients of their
//                     own terms, times one; rules that only watch the Gramian say `weighs_heads`
//
// What it keeps from step to step, it names in `state`: numbers in double precision, zeros at the
// start, which lie in the arena and are in checkpoints as mix.<group>.<name>. What of it options may
// change, it lists in `options`, and numbers that each loss has one of in `loss_options`.
//
// To add one: a header here with the rule first, its unit in src/mixes, its test, and the line in
// mixes/all.hpp.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include "medley/base/random.hpp"
#include "medley/losses/outputs.hpp"

namespace medley {

// How many losses a group with a mix may have.
inline constexpr int most_losses = 16;

struct MixNeeds {
  bool values = false;        // in weights(): the losses' values
  bool gramian = false;       // in weights() and update(): the Gramian
  bool values_after = false;  // in update(): the batch's values after the step; a forward pass
  bool validation = false;    // in update(): `along`, by a step ahead and a validation batch
  friend constexpr bool operator==(const MixNeeds&, const MixNeeds&) = default;
};

struct MixState {
  std::string_view name;
  int rank = 1;  // numbers: 1 one a loss, 2 one a pair of losses, 0 a single one
  constexpr std::size_t elements(int losses) const {
    std::size_t count = 1;
    for (int i = 0; i < rank; ++i) count *= static_cast<std::size_t>(losses);
    return count;
  }
};
inline constexpr std::size_t max_mix_states = 8;

// A number of a mix M that options may change, from `least` to `most`; or one of a list of names,
// which `choice` counts from 0.
template <class M>
struct MixOption {
  std::string_view name;
  double M::*number = nullptr;
  double least = 0.0, most = 0.0;
  int M::*choice = nullptr;
  std::span<const std::string_view> names{};
  bool whole = false;  // no fractions
};

// Numbers of a mix M, one a loss, that options may change, from `least` to `most`: name.<loss>=x on
// the command line. `none` stands for a loss that has none.
template <class M>
struct MixLossOption {
  std::string_view name;
  std::array<double, most_losses> M::*numbers = nullptr;
  double least = 0.0, most = 0.0;
  double none = std::numeric_limits<double>::infinity();
};

// The inner products of the losses' gradients, K x K.
class Gramian {
 public:
  constexpr Gramian() = default;
  constexpr Gramian(const double* products, std::size_t losses)
      : products_(products), losses_(losses) {}
  constexpr double operator()(std::size_t i, std::size_t j) const {
    return products_[i * losses_ + j];
  }
  constexpr std::size_t losses() const { return losses_; }

 private:
  const double* products_ = nullptr;
  std::size_t losses_ = 0;
};

// What a user should hear of, beside weights.
enum class MixFlag : std::uint8_t {
  stationary,   // no direction is downhill for all losses: this is (almost) a Pareto point
  infeasible,   // what is asked of the losses cannot be had; the weights are the preference
  no_descent,   // the rule's own direction would be uphill for all; the weights are the preference
  no_solution,  // the solver did not end; the weights are the preference
  large,        // a weight is more than a thousand times the preference
  clamped,      // a number that is learned stands at its bound
  short_step,   // the direction is next to nothing
  no_main,      // the main loss takes no part; the others are combined without it
};
inline constexpr int mix_flag_count = 8;
using MixFlags = std::uint32_t;

// What a mix is told of a step. Spans have one element a loss, in the order of the terms.
struct MixStep {
  std::span<const double> own;         // the losses' own weights; positive where they take part
  std::span<const double> preference;  // the same of those that take part, with sum 1; else 0
  std::span<const Outputs> outputs;    // what the losses take their outputs for
  // Losses that take part: those with a label in the batch and a positive weight, and for a Gramian
  // mix with a gradient. The state of the others rests, and their weights are 0.
  std::span<const bool> present;
  // Before any weight: of this batch, or in weights() of a scalarization the last that are known.
  std::span<const double> values{};
  std::span<const double> values_after{};  // where the mix needs them, in update()
  std::span<const double> along{};         // ⟨g_k, gradient of validation loss ahead⟩, the same
  Gramian gramian{};                       // where the mix needs it
  std::array<std::span<double>, max_mix_states> state{};  // in the order of the mix's `state`
  double rate = 0.0;                                      // the group's learning rate in this step
  std::uint64_t number = 0;                               // updates of the group before this one
  std::uint64_t total = 0;  // all that the training will make; see depends_on_length
  std::uint32_t epoch = 0;
  RandomStream random{0, Purpose::mix, 0, 0};  // of this step and group
  MixFlags* flags = nullptr;

  constexpr std::size_t losses() const { return own.size(); }
  constexpr std::size_t count_present() const {
    std::size_t count = 0;
    for (const bool p : present) count += p;
    return count;
  }
  void flag(MixFlag flag) const {
    if (flags != nullptr) *flags |= MixFlags{1} << static_cast<int>(flag);
  }
};

template <class M>
concept UpdatingMix = requires(const M& mix, const MixStep& step) {
  mix.update(step);
};

template <class M>
constexpr MixNeeds mix_needs() {
  if constexpr (requires { M::needs; }) return M::needs;
  return {};
}
template <class M>
constexpr auto mix_state() {
  if constexpr (requires { M::state; }) {
    return M::state;
  } else {
    return std::array<MixState, 0>{};
  }
}
template <class M>
constexpr auto mix_options() {
  if constexpr (requires { M::options; }) {
    return M::options;
  } else {
    return std::array<MixOption<M>, 0>{};
  }
}
template <class M>
constexpr auto mix_loss_options() {
  if constexpr (requires { M::loss_options; }) {
    return M::loss_options;
  } else {
    return std::array<MixLossOption<M>, 0>{};
  }
}
// Doubles that a mix keeps for so many losses.
template <class M>
constexpr std::size_t mix_state_size(int losses) {
  std::size_t count = 0;
  for (const MixState& s : mix_state<M>()) count += s.elements(losses);
  return count;
}
// What is kept of a group beside its mix's own state: the weights that were used last, the values
// that were seen last, and in how many batches a loss took part.
inline constexpr auto common_mix_states =
    std::to_array<MixState>({{"last_weight"}, {"last_value"}, {"presence"}});
constexpr std::size_t common_mix_doubles(int losses) {
  std::size_t count = 0;
  for (const MixState& state : common_mix_states) count += state.elements(losses);
  return count;
}

// Bytes that a mix may take, and doubles that it and all mixes may keep together.
inline constexpr std::size_t most_mix_bytes = 256;
inline constexpr std::size_t most_mix_doubles =
    max_mix_states * most_losses + 2 * most_losses * most_losses;

// Whether the weights follow from the losses' own alone, so that evaluations take them too.
template <class M>
constexpr bool is_constant_mix() {
  if constexpr (requires { M::is_constant; }) return M::is_constant;
  return false;
}
// Whether it reads MixStep::total, so that the steps of a longer run are others.
template <class M>
constexpr bool depends_on_length() {
  if constexpr (requires { M::depends_on_length; }) return M::depends_on_length;
  return false;
}
// Whether heads take their terms' gradients times the weights, as weighted losses give them, rather
// than times one.
template <class M>
constexpr bool weighs_heads() {
  if constexpr (requires { M::weighs_heads; }) return M::weighs_heads;
  return !mix_needs<M>().gramian;
}
// Whether a mix needs the losses' gradients apart, each in a backward pass of the trunk.
template <class M>
constexpr bool takes_apart() {
  return mix_needs<M>().gramian || mix_needs<M>().validation;
}
// Whether the mix needs the Gramian in this step, of which all is known that is known before a pass.
// In steps where it does not, `gramian` is empty and one backward pass serves all.
template <class M>
constexpr bool wants_gramian(const M& mix, const MixStep& step) {
  if constexpr (requires { mix.wants_gramian(step); }) return mix.wants_gramian(step);
  return takes_apart<M>();
}
// The least number of losses that the rule makes sense of.
template <class M>
constexpr int least_losses_of() {
  if constexpr (requires { M::least_losses; }) return M::least_losses;
  return 1;
}
// Whether all numbers of a mix are where its options allow them.
template <class M>
constexpr bool has_valid_options(const M& mix) {
  for (const auto& option : mix_options<M>()) {
    if (option.choice != nullptr) {
      const int index = mix.*option.choice;
      if (index < 0 || index >= static_cast<int>(option.names.size())) return false;
    } else if (!(mix.*option.number >= option.least && mix.*option.number <= option.most)) {
      return false;
    }
  }
  for (const auto& option : mix_loss_options<M>()) {
    for (const double x : mix.*option.numbers) {
      if (!(x >= option.least && x <= option.most) && x != option.none) return false;
    }
  }
  return true;
}

// What a mix lacks first; empty: nothing. `type` is its name on the command line. weights(step, out)
// answers in `out`, which comes with zeros, one weight a loss; those of losses that take no part are
// not looked at. update(step), if it has that, changes what it keeps after the pass.
template <class M>
constexpr std::string_view lacking_in_mix() {
  constexpr bool has_type = requires {
    { M::type } -> std::convertible_to<std::string_view>;
  };
  constexpr bool has_weights = requires(const M& mix, const MixStep& step, std::span<double> out) {
    mix.weights(step, out);
  };
  if (!has_type) return "type, its name";
  if (!has_weights) return "weights(step, out)";
  if (!std::is_trivially_copyable_v<M>) return "a type that can be copied as bytes";
  if (sizeof(M) > most_mix_bytes) return "a smaller type: at most 256 bytes";
  if (mix_state<M>().size() > max_mix_states) return "a shorter state: at most 8 names";
  if (is_constant_mix<M>() && (mix_needs<M>() != MixNeeds{} || !mix_state<M>().empty()))
    return "weights that follow from the losses' own alone, as is_constant promises";
  if (mix_state_size<M>(most_losses) + common_mix_doubles(most_losses) > most_mix_doubles)
    return "a smaller state: at most 592 numbers of 16 losses";
  return {};
}

template <class M>
concept Mix = lacking_in_mix<M>()
.empty();

}  // namespace medley
