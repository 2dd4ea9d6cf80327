// What all mixes that weigh losses have in common, whatever their formula: order, units and absence
// of losses, and numbers at the end of their range.
#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "medley/mixes/auto_lambda.hpp"
#include "medley/mixes/blend.hpp"
#include "medley/mixes/constrained.hpp"
#include "medley/mixes/dwa.hpp"
#include "medley/mixes/famo.hpp"
#include "medley/mixes/geometric.hpp"
#include "medley/mixes/gradnorm.hpp"
#include "medley/mixes/log_sum.hpp"
#include "medley/mixes/probe.hpp"
#include "medley/mixes/random_weights.hpp"
#include "medley/mixes/raw_blend.hpp"
#include "medley/mixes/tchebycheff.hpp"
#include "medley/mixes/trained_blend.hpp"
#include "medley/mixes/uncertainty.hpp"
#include "medley/mixes/uw_so.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

constexpr int steps = 24;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// What a training tells of its losses: a column each, which `columns` picks, and their units.
struct Story {
  std::vector<std::size_t> columns;
  Row units, own;

  explicit Story(std::vector<std::size_t> picked) : columns(std::move(picked)) {
    units.assign(columns.size(), 1.0);
    own.assign(columns.size(), 1.0);
  }
  // Uniform in [low, high), of the loss and not of its place.
  Row drawn(int what, std::uint64_t step, double low, double high) const {
    Row row;
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const auto bits = RandomStream(3, Purpose::generator, static_cast<std::uint32_t>(what), step)
                            .draw(static_cast<std::uint32_t>(columns[k]))[0];
      row.push_back(units[k] * (low + (high - low) * unit_float(bits)));
    }
    return row;
  }
  void tell(auto& mix, std::uint64_t step) const {
    mix.own = own;
    mix.values = drawn(0, step, 0.2, 4.0);
    mix.after = drawn(1, step, 0.2, 4.0);
    mix.along = drawn(2, step, -1.0, 1.0);
    mix.set_lengths(drawn(3, step, 0.5, 3.0));
    mix.epoch = static_cast<std::uint32_t>(step / 4);
  }
};

// Rules that need numbers of their own to do anything in so few steps.
template <class M>
M ready() {
  M mix{};
  if constexpr (std::is_same_v<M, Probe>) mix.share = 0.1;
  if constexpr (std::is_same_v<M, Tchebycheff>) mix.warm_up = 2.0;
  return mix;
}
void limit_losses(auto& stepped, const Story& story) {
  if constexpr (requires { stepped.mix.limit; }) {
    stepped.mix.rate = 0.2;
    for (std::size_t k = 0; k < story.columns.size(); ++k) {
      if (story.columns[k] != 0) stepped.mix.limit[k] = story.units[k] * 1.5;
    }
  }
}
template <class M>
SteppedMix<M> begin(const Story& story) {
  SteppedMix<M> stepped(Row(story.columns.size(), 1.0), ready<M>());
  limit_losses(stepped, story);
  return stepped;
}

template <class M>
Rows weights_of(const Story& story) {
  SteppedMix<M> stepped = begin<M>(story);
  Rows weights;
  for (int t = 0; t < steps; ++t) {
    story.tell(stepped, t);
    weights.push_back(stepped.weights());
    stepped.update();
  }
  return weights;
}

template <class M>
class EveryScalarization : public ::testing::Test {};

using All =
    ::testing::Types<WeightedSum, Blend, TrainedBlend, RawBlend, Probe, RandomWeights, LogSum,
                     Geometric, Uncertainty, UncertaintySoftOptimal, DynamicWeightAverage,
                     Tchebycheff, Constrained, Famo, GradNorm, AutoLambda>;
struct Names {
  template <class M>
  static std::string GetName(int) {
    return std::string(M::type);
  }
};
TYPED_TEST_SUITE(EveryScalarization, All, Names);

TYPED_TEST(EveryScalarization, HasNamesOfItsOwnAndNumbersThatAreAllowed) {
  using M = TypeParam;
  static_assert(Mix<M> && has_valid_options(M{}));
  std::set<std::string_view> options, states;
  for (const auto& option : mix_options<M>()) options.insert(option.name);
  for (const auto& option : mix_loss_options<M>()) options.insert(option.name);
  for (const MixState& s : mix_state<M>()) states.insert(s.name);
  EXPECT_EQ(options.size(), mix_options<M>().size() + mix_loss_options<M>().size());
  EXPECT_EQ(states.size(), mix_state<M>().size());
}

// Two know the losses by their places: a blend the first two, and random weights all.
TYPED_TEST(EveryScalarization, FollowsTheOrderOfItsLosses) {
  using M = TypeParam;
  const std::vector<std::size_t> order =
      std::is_same_v<M, RandomWeights> ? std::vector{0ul, 1ul, 2ul, 3ul}
      : std::is_same_v<M, Blend>       ? std::vector{0ul, 1ul, 3ul, 2ul}
                                       : std::vector{2ul, 0ul, 3ul, 1ul};
  const Rows weights = weights_of<M>(Story({0, 1, 2, 3})), others = weights_of<M>(Story(order));
  for (int t = 0; t < steps; ++t) {
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_LT(relative_difference(others[t][k], weights[t][order[k]]), 1e-10) << t;
    }
  }
}

TYPED_TEST(EveryScalarization, RepeatsAndComesBackFromWhatItKeeps) {
  const Story story({0, 1, 2});
  const Rows weights = weights_of<TypeParam>(story);
  EXPECT_EQ(weights, weights_of<TypeParam>(story));

  SteppedMix<TypeParam> first = begin<TypeParam>(story);
  for (int t = 0; t < steps / 2; ++t) {
    story.tell(first, t);
    first.update();
  }
  SteppedMix<TypeParam> second = begin<TypeParam>(story);
  second.kept = first.kept;
  second.number = first.number;
  for (int t = steps / 2; t < steps; ++t) {
    story.tell(second, t);
    EXPECT_EQ(second.weights(), weights[t]) << t;
    second.update();
  }
}

TYPED_TEST(EveryScalarization, ChangesNothingInAskingForWeights) {
  const Story story({0, 1, 2});
  SteppedMix<TypeParam> stepped = begin<TypeParam>(story);
  for (int t = 0; t < steps; ++t) {
    story.tell(stepped, t);
    const auto before = stepped.kept;
    stepped.weights();
    EXPECT_EQ(stepped.kept, before);
    stepped.update();
  }
}

// Losses that are absent from the start might as well not be there.
TYPED_TEST(EveryScalarization, IsThatOfTheLossesPresent) {
  const Story three({0, 1, 2}), two({0, 1});
  SteppedMix<TypeParam> stepped = begin<TypeParam>(three);
  stepped.present[2] = false;
  const Rows weights = weights_of<TypeParam>(two);
  for (int t = 0; t < steps; ++t) {
    three.tell(stepped, t);
    stepped.values[2] = stepped.after[2] = stepped.along[2] = stepped.gramian[8] = nan;
    const Row found = stepped.weights();
    EXPECT_EQ(found[0], weights[t][0]) << t;
    EXPECT_EQ(found[1], weights[t][1]) << t;
    stepped.update();
  }
}

TYPED_TEST(EveryScalarization, RestsWhileALossIsAbsent) {
  const Story story({0, 1, 2});
  SteppedMix<TypeParam> stepped = begin<TypeParam>(story);
  for (int t = 0; t < steps; ++t) {
    story.tell(stepped, t);
    const bool absent = t % 3 == 1 || (t >= 8 && t < 14);
    stepped.present[1] = !absent;
    if (absent) stepped.values[1] = stepped.after[1] = stepped.along[1] = stepped.gramian[4] = nan;
    const Row weights = stepped.weights();
    EXPECT_TRUE(std::isfinite(weights[0]) && std::isfinite(weights[2]));
    EXPECT_TRUE(absent || std::isfinite(weights[1])) << t;
    const auto before = stepped.kept;
    stepped.update();
    for (std::size_t i = 0; i < before.size() && absent; ++i) {
      EXPECT_EQ(stepped.kept[i][1], before[i][1]) << t;
    }
  }
}

TYPED_TEST(EveryScalarization, StaysFiniteAndPositiveAtTheEndsOfNumbers) {
  const Rows extremes{{0.0, 1.0, 1e12},    {0.0, 0.0, 0.0},   {1e-12, 1e12, 1.0},
                      {-1.0, 2.0, 1e-300}, {1e30, 1e30, 0.0}, {-3.0, -2.0, -1.0},
                      {5e-324, 1.0, 1.0},  {1.0, 0.0, 1e12}};
  SteppedMix<TypeParam> stepped = begin<TypeParam>(Story({0, 1, 2}));
  for (int t = 0; t < 40; ++t) {
    stepped.values = extremes[t % extremes.size()];
    stepped.after = extremes[(t + 1) % extremes.size()];
    stepped.along = extremes[(t + 2) % extremes.size()];
    Row lengths = extremes[(t + 3) % extremes.size()];
    for (double& length : lengths) length = std::max(std::fabs(length), 1e-30);
    stepped.set_lengths(lengths);
    stepped.epoch = static_cast<std::uint32_t>(t / 4);
    for (const double w : stepped.weights()) {
      EXPECT_TRUE(std::isfinite(w)) << t;
      EXPECT_GE(w, 0.0) << t;
    }
    stepped.update();
    for (const auto& numbers : stepped.kept) {
      for (const double x : numbers) EXPECT_TRUE(std::isfinite(x)) << t;
    }
  }
}

TYPED_TEST(EveryScalarization, WorksForOneLossAndForTheMost) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{most_losses}}) {
    std::vector<std::size_t> columns(count);
    std::iota(columns.begin(), columns.end(), std::size_t{0});
    for (const Row& row : weights_of<TypeParam>(Story(columns))) {
      for (const double w : row) EXPECT_TRUE(std::isfinite(w) && w >= 0.0) << count;
    }
  }
}

// --- bits --------------------------------------------------------------------------------------

TEST(ScalarMixes, BitsAreTheSameEverywhere) {
  XXH3_state_t* const state = XXH3_createState();
  XXH3_64bits_reset(state);
  const auto digest = [&]<class... M>(::testing::Types<M...>) {
    const auto one = [&](const Rows& weights) {
      for (const Row& w : weights) XXH3_64bits_update(state, w.data(), w.size() * sizeof(double));
    };
    (one(weights_of<M>(Story({0, 1, 2, 3, 4}))), ...);
  };
  digest(All{});
  const std::uint64_t found = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  EXPECT_EQ(found, 0x4172B800BE9E931Du) << std::hex << found;
}

// --- sums ----------------------------------------------------------------------------------------

template <class M>
void expect_sum(double sum, int from = 0) {
  const Rows weights = weights_of<M>(Story({0, 1, 2, 3}));
  for (int t = from; t < steps; ++t) {
    EXPECT_NEAR(std::accumulate(weights[t].begin(), weights[t].end(), 0.0), sum, 1e-12 * sum)
        << M::type << " in step " << t;
  }
}

TEST(ScalarMixes, HaveTheSumThatTheyPromise) {
  expect_sum<TrainedBlend>(4.0);
  expect_sum<RawBlend>(4.0);
  expect_sum<Probe>(4.0);
  expect_sum<DynamicWeightAverage>(4.0);
  expect_sum<GradNorm>(4.0);
  expect_sum<RandomWeights>(1.0);
  expect_sum<UncertaintySoftOptimal>(1.0);
  expect_sum<Famo>(1.0);
}

// --- the losses' own weights ---------------------------------------------------------------------

template <class M>
void expect_own_weights_multiply() {
  Story story({0, 1, 2});
  const Rows weights = weights_of<M>(story);
  story.own = {2.0, 0.25, 1.0};
  const Rows others = weights_of<M>(story);
  for (int t = 0; t < steps; ++t) {
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(others[t][k], story.own[k] * weights[t][k], 1e-14 * others[t][k]) << M::type;
    }
  }
}

TEST(ScalarMixes, TakeTheLossesOwnWeightsAsFactors) {
  expect_own_weights_multiply<WeightedSum>();
  expect_own_weights_multiply<Blend>();
  expect_own_weights_multiply<TrainedBlend>();
  expect_own_weights_multiply<Probe>();
  expect_own_weights_multiply<RandomWeights>();
  expect_own_weights_multiply<LogSum>();
  expect_own_weights_multiply<Uncertainty>();
  expect_own_weights_multiply<UncertaintySoftOptimal>();
  expect_own_weights_multiply<DynamicWeightAverage>();
  expect_own_weights_multiply<Constrained>();
  expect_own_weights_multiply<Famo>();
  expect_own_weights_multiply<GradNorm>();
  expect_own_weights_multiply<AutoLambda>();
}

// --- units ---------------------------------------------------------------------------------------

// Largest change of the direction's shares w_k · unit_k, length aside, from step `from` on.
template <class M>
double change_by_units(const Row& units, int from = 0) {
  Story story({0, 1, 2});
  const Rows plain = weights_of<M>(story);
  story.units = units;
  const Rows scaled = weights_of<M>(story);
  double most = 0.0;
  for (int t = from; t < steps; ++t) {
    const double factor = scaled[t][0] * units[0] / plain[t][0];
    for (std::size_t k = 1; k < 3; ++k) {
      most = std::max(most, relative_difference(scaled[t][k] * units[k], factor * plain[t][k]));
    }
  }
  return most;
}

TEST(ScalarMixes, IgnoreUnitsWhereTheySaySo) {
  const Row units{3.0, 0.05, 17.0};
  EXPECT_LT(change_by_units<LogSum>(units), 1e-9);
  EXPECT_LT(change_by_units<Geometric>(units), 1e-9);
  EXPECT_LT(change_by_units<Tchebycheff>(units), 1e-8);
  EXPECT_LT(change_by_units<Famo>(units), 1e-5);
  EXPECT_LT(change_by_units<Probe>(units, 12), 1e-12);
  // A free loss beside those with limits has no unit but its own.
  EXPECT_LT(change_by_units<Constrained>({1.0, 0.05, 17.0}), 1e-9);
  EXPECT_LT(change_by_units<TrainedBlend>({7.0, 7.0, 7.0}), 1e-12);
  // Those that do not say so do not.
  EXPECT_GT(change_by_units<WeightedSum>(units), 0.5);
  EXPECT_GT(change_by_units<TrainedBlend>(units), 0.1);
  EXPECT_GT(change_by_units<UncertaintySoftOptimal>(units), 0.1);
  EXPECT_GT(change_by_units<RawBlend>(units), 0.1);
  EXPECT_GT(change_by_units<DynamicWeightAverage>(units), 0.1);
}

}  // namespace
}  // namespace medley
