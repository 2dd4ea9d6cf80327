// For tests of mixes at work: an experiment that lists all of them and three step modes, and the
// gradients of its losses one by one, taken from trainings with that loss alone.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/sgd.hpp"
#include "training_harness.hpp"

namespace medley::testing {

// Momentum of the first step is the gradient itself.
inline constexpr Sgd listed_sgd{.learning_rate = 0.05, .momentum = 0.9};

// Every loss has a head. Heads begin with the mean over the pixels.
struct Listed {
  static constexpr std::string_view name = "listed";
  static constexpr Shape input{2, 6, 6};
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 3},
                                                             {"side", TargetKind::classes, 2},
                                                             {"place", TargetKind::values, 2},
                                                             {"spot", TargetKind::values, 2}});
  using Trunk = Sequence<Conv<5>, Tanh, Conv<6>>;
  using Heads = std::tuple<Head<"kind", GlobalAveragePool, Dense<3>>,
                           Head<"side", GlobalAveragePool, Dense<1>>,
                           Head<"place", GlobalAveragePool, Dense<4>, Tanh, Dense<2>>,
                           Head<"spot", GlobalAveragePool, Dense<2>>>;
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{}, 1.0), term<"side">(BinaryCrossEntropy{}, 0.5),
                 term<"place">(MeanSquaredError{}, 1.5), term<"spot">(MeanSquaredError{}, 1.0),
                 penalty<"decay">(L2Penalty{}, 1e-2)};
  static constexpr auto mix = every_mix;
  static constexpr auto joint_steps = joint(listed_sgd);
  static constexpr auto simultaneous_steps = simultaneous(
      group<"a", "kind", "side">(listed_sgd), group<"b", "place", "spot", "decay">(listed_sgd));
  static constexpr auto alternating_steps =
      alternating(group<"c", "kind", "side", "place">(listed_sgd),
                  group<"d", "spot", "decay">(listed_sgd).repeated(2));
  static constexpr auto steps = any_of(joint_steps, simultaneous_steps, alternating_steps);
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2, .slots = 4};
};
inline constexpr int listed_losses = 4;
inline constexpr std::size_t listed_records = 22;

// Two targets that pull apart.
inline MadeSource listed_source() {
  MadeSource made(listed_records, Listed::input, Listed::targets);
  for (std::size_t i = 0; i < 2 * listed_records; ++i) {
    made.targets[2].values[i] = static_cast<float>(i % 5) - 1.0f;
    made.targets[3].values[i] = 2.0f - static_cast<float>(i % 5) + 0.1f * static_cast<float>(i % 3);
  }
  return made;
}

// With this mix for all groups.
inline Settings listed_settings(const MadeSource& made, const MixChoice& choice, int mode = 0) {
  Settings settings = settings_for<Listed>(made, mode);
  settings.mix.fill(choice);
  return settings;
}

using Numbers = std::vector<double>;

// All parameters' momentum of a group whose names begin so.
template <class Experiment>
Numbers momentum(const MadeTraining<Experiment>& training, const std::string& group,
                 const std::string& start) {
  Numbers all;
  const std::string prefix = "optimizer." + group + ".momentum." + start;
  for (const std::string& name : training.tensor_names()) {
    if (!name.starts_with(prefix)) continue;
    for (const float g : training.tensor(name)) all.push_back(static_cast<double>(g));
  }
  EXPECT_FALSE(all.empty()) << prefix;
  return all;
}

inline double dot(const Numbers& a, const Numbers& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
// Σ w_k v_k
inline Numbers combined(const std::vector<Numbers>& vectors, const Numbers& weights) {
  Numbers sum(vectors[0].size());
  for (std::size_t k = 0; k < weights.size(); ++k) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weights[k] * vectors[k][i];
  }
  return sum;
}
inline void expect_close(const Numbers& found, const Numbers& expected, double tolerance = 1e-5) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 0;
  for (const double x : expected) largest = std::max(largest, std::fabs(x));
  ASSERT_GT(largest, 0);
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], tolerance * largest) << "element " << i;
}

// The gradients of each loss by itself, and its value, at the parameters of a training.
struct Apart {
  std::vector<Numbers> trunk, heads, trunk_bias;
  Numbers values;

  Apart(const MadeSource& made, const MadeTraining<Listed>* at = nullptr) {
    for (int k = 0; k < listed_losses; ++k) {
      Settings settings = listed_settings(made, {});
      settings.weight.fill(0.0);
      settings.weight[k] = 1.0;
      MadeTraining<Listed> alone(settings);
      for (const TensorInfo& t : alone.description().tensors) {
        if (at != nullptr && t.is_parameter) alone.set(t.name, at->tensor(t.name));
      }
      alone.step();
      trunk.push_back(momentum(alone, "all", "trunk."));
      heads.push_back(momentum(alone, "all", "heads."));
      trunk_bias.push_back(momentum(alone, "all", "trunk.2.bias"));
      values.push_back(alone.report.value[k]);
    }
  }
  Numbers gramian() const {
    Numbers products;
    for (const Numbers& a : trunk) {
      for (const Numbers& b : trunk) products.push_back(dot(a, b));
    }
    return products;
  }
};

// What a mix answers for all losses, all present, in its first step.
struct Asked {
  Numbers own{1.0, 0.5, 1.5, 1.0}, preference{0.25, 0.125, 0.375, 0.25}, values, gramian;
  std::vector<Outputs> outputs{Outputs{}, Outputs{}, Outputs{}, Outputs{}};
  std::array<Numbers, max_mix_states> state;
  std::uint64_t number = 0;

  MixStep step(const AnyMix& mix) {
    static constexpr std::array<bool, listed_losses> present{true, true, true, true};
    MixStep told;
    told.own = own;
    told.preference = preference;
    told.outputs = outputs;
    told.present = present;
    told.values = values;
    if (!gramian.empty()) told.gramian = {gramian.data(), listed_losses};
    for (std::size_t i = 0; i < mix.states().size(); ++i) {
      state[i].resize(mix.states()[i].elements(listed_losses));
      told.state[i] = state[i];
    }
    told.rate = listed_sgd.learning_rate;
    told.number = number;
    told.random = RandomStream(1, Purpose::mix, 0, number);
    return told;
  }
  Numbers weights(const AnyMix& mix) {
    Numbers out(listed_losses);
    mix.weights(step(mix), out);
    return out;
  }
};

inline Numbers weights_of(const StepReport& report) {
  return {report.weight.begin(), report.weight.begin() + listed_losses};
}

}  // namespace medley::testing
