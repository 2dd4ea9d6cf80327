// A mix of any type, chosen when the program runs: the bytes of its numbers, and a table of what its
// type can do.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"
#include "medley/mixes/weighted_sum.hpp"

namespace medley {

// An option of a mix; where it has names, its value counts them from 0.
struct MixOptionInfo {
  std::string_view name;
  double least = 0.0, most = 0.0;
  std::span<const std::string_view> names{};
  bool whole = false;  // no fractions
};
// One that each loss has a number for, or `none`.
struct MixLossOptionInfo {
  std::string_view name;
  double least = 0.0, most = 0.0, none = 0.0;
};

class AnyMix {
 public:
  AnyMix() : AnyMix(WeightedSum{}) {}
  template <Mix M>
  AnyMix(const M& mix) : table_(&table_of<M>) {
    static_assert(alignof(M) <= alignof(double));
    new (bytes_.data()) M(mix);
  }

  std::string_view type() const { return table_->type; }
  MixNeeds needs() const { return table_->needs; }
  // Weights from the losses' own alone.
  bool is_constant() const { return table_->is_constant; }
  int least_losses() const { return table_->least_losses; }
  // Whether heads take their gradients times the weights, rather than times one.
  bool weighs_heads() const { return table_->weighs_heads; }
  // Whether steps are others in a longer run.
  bool depends_on_length() const { return table_->depends_on_length; }
  // Whether it needs the Gramian in this step, of which is known what is known before a pass.
  bool wants_gramian(const MixStep& step) const {
    return table_->wants_gramian(bytes_.data(), step);
  }
  std::span<const MixState> states() const { return table_->states; }

  std::size_t option_count() const { return table_->option_count; }
  MixOptionInfo option(std::size_t i) const { return table_->option(i); }
  double get(std::size_t i) const { return table_->get(bytes_.data(), i); }
  // The value must be one that the option allows.
  void set(std::size_t i, double value) { table_->set(bytes_.data(), i, value); }

  std::size_t loss_option_count() const { return table_->loss_option_count; }
  MixLossOptionInfo loss_option(std::size_t i) const { return table_->loss_option(i); }
  double get(std::size_t i, std::size_t loss) const {
    return (*table_->loss_numbers(const_cast<std::byte*>(bytes_.data()), i))[loss];
  }
  void set(std::size_t i, std::size_t loss, double value) {
    (*table_->loss_numbers(bytes_.data(), i))[loss] = value;
  }

  void weights(const MixStep& step, std::span<double> out) const {
    table_->weights(bytes_.data(), step, out);
  }
  void update(const MixStep& step) const { table_->update(bytes_.data(), step); }

 private:
  struct Table {
    std::string_view type;
    MixNeeds needs;
    bool is_constant, weighs_heads, depends_on_length;
    int least_losses;
    std::span<const MixState> states;
    std::size_t option_count;
    MixOptionInfo (*option)(std::size_t);
    double (*get)(const std::byte*, std::size_t);
    void (*set)(std::byte*, std::size_t, double);
    std::size_t loss_option_count;
    MixLossOptionInfo (*loss_option)(std::size_t);
    std::array<double, most_losses>* (*loss_numbers)(std::byte*, std::size_t);
    bool (*wants_gramian)(const std::byte*, const MixStep&);
    void (*weights)(const std::byte*, const MixStep&, std::span<double>);
    void (*update)(const std::byte*, const MixStep&);
  };

  template <class M>
  static const M& as(const std::byte* bytes) {
    return *std::launder(reinterpret_cast<const M*>(bytes));
  }
  template <class M>
  static constexpr auto states_of = mix_state<M>();
  template <class M>
  static constexpr auto options_of = mix_options<M>();

  template <class M>
  static MixOptionInfo option_of(std::size_t i) {
    const MixOption<M>& option = std::span<const MixOption<M>>(options_of<M>)[i];
    return {option.name, option.least, option.most, option.names, option.whole};
  }
  template <class M>
  static double get_of(const std::byte* bytes, std::size_t i) {
    const MixOption<M>& option = std::span<const MixOption<M>>(options_of<M>)[i];
    return option.choice ? as<M>(bytes).*option.choice : as<M>(bytes).*option.number;
  }
  template <class M>
  static void set_of(std::byte* bytes, std::size_t i, double value) {
    const MixOption<M>& option = std::span<const MixOption<M>>(options_of<M>)[i];
    M& mix = *std::launder(reinterpret_cast<M*>(bytes));
    if (option.choice) {
      mix.*option.choice = static_cast<int>(value);
    } else {
      mix.*option.number = value;
    }
  }
  template <class M>
  static constexpr auto loss_options_of = mix_loss_options<M>();
  template <class M>
  static MixLossOptionInfo loss_option_of(std::size_t i) {
    const MixLossOption<M>& option = std::span<const MixLossOption<M>>(loss_options_of<M>)[i];
    return {option.name, option.least, option.most, option.none};
  }
  template <class M>
  static std::array<double, most_losses>* loss_numbers_of(std::byte* bytes, std::size_t i) {
    const MixLossOption<M>& option = std::span<const MixLossOption<M>>(loss_options_of<M>)[i];
    return &(std::launder(reinterpret_cast<M*>(bytes))->*option.numbers);
  }
  template <class M>
  static bool wants_gramian_of(const std::byte* bytes, const MixStep& step) {
    return medley::wants_gramian(as<M>(bytes), step);
  }
  template <class M>
  static void weights_of(const std::byte* bytes, const MixStep& step, std::span<double> out) {
    as<M>(bytes).weights(step, out);
  }
  template <class M>
  static void update_of([[maybe_unused]] const std::byte* bytes,
                        [[maybe_unused]] const MixStep& step) {
    if constexpr (UpdatingMix<M>) as<M>(bytes).update(step);
  }

  template <class M>
  static constexpr Table table_of{.type = M::type,
                                  .needs = mix_needs<M>(),
                                  .is_constant = is_constant_mix<M>(),
                                  .weighs_heads = medley::weighs_heads<M>(),
                                  .depends_on_length = medley::depends_on_length<M>(),
                                  .least_losses = least_losses_of<M>(),
                                  .states = states_of<M>,
                                  .option_count = options_of<M>.size(),
                                  .option = option_of<M>,
                                  .get = get_of<M>,
                                  .set = set_of<M>,
                                  .loss_option_count = loss_options_of<M>.size(),
                                  .loss_option = loss_option_of<M>,
                                  .loss_numbers = loss_numbers_of<M>,
                                  .wants_gramian = wants_gramian_of<M>,
                                  .weights = weights_of<M>,
                                  .update = update_of<M>};

  alignas(double) std::array<std::byte, most_mix_bytes> bytes_{};
  const Table* table_;
};

}  // namespace medley
