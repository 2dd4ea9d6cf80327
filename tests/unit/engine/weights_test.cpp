// Records that count more or less: what must hold in all step modes, and with a mix that needs gradients apart. (Values and
// gradients against PyTorch: mask_terms_test.cpp, weights_thorough.cpp.)
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/upgrad.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "training_harness.hpp"

namespace medley::testing {
namespace {

constexpr SoftmaxCrossEntropy weighted{.smoothing = 0.1, .class_weights = {1.0, 2.5, 0.5}};

// Targets of each kind, in every step mode, with a mix of one backward pass and one of several.
struct Ways {
  static constexpr std::string_view name = "ways";
  static constexpr Shape input{2, 4, 5};
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 3},
                                                             {"place", TargetKind::values, 2},
                                                             {"parts", TargetKind::mask, 3}});
  using Trunk = Sequence<Conv<4>, Tanh>;
  using Heads = std::tuple<Head<"kind", Flatten, Dense<3>>, Head<"place", Flatten, Dense<2>>,
                           Head<"parts", Conv<3, 1>>>;
  static constexpr auto terms =
      std::tuple{term<"kind">(weighted), term<"place">(MeanSquaredError{}),
                 term<"overlap", "parts", "parts">(MulticlassSoftIou{}).over_batch()};
  static constexpr auto mix = any_of(WeightedSum{}, UpGrad{});
  static constexpr Sgd sgd{.learning_rate = 0.3, .momentum = 0.9};
  static constexpr auto steps =
      any_of(joint(sgd), simultaneous(group<"a", "kind">(sgd), group<"b", "place", "overlap">(sgd)),
             alternating(group<"a", "kind", "overlap">(sgd).repeated(2),
                         group<"b", "place">(sgd).on_next_batch()));
  static constexpr Recipe recipe{.augmentation = {.flip = true, .shift = 1}};
  static constexpr Memory memory{.shard = 2, .slots = 2};
};

MadeSource some_records(std::uint64_t records) {
  MadeSource source(records, Ways::input, Ways::targets);
  for (std::size_t i = 0; i < source.targets[1].values.size(); ++i)
    source.targets[1].values[i] = 0.1f * static_cast<float>(i % 9);
  return source;
}

template <class T>
void repeat(std::vector<T>& values, std::size_t records, std::size_t record) {
  const std::size_t size = values.size() / records;
  std::vector<T> copy(values.begin() + record * size, values.begin() + (record + 1) * size);
  values.insert(values.end(), copy.begin(), copy.end());
}

// Calls f(settings of a source) for every step mode and mix.
template <class F>
void each_way(F&& f) {
  for (int mode = 0; mode < 3; ++mode)
    for (const int mix : {0, 1}) {
      SCOPED_TRACE("mode " + std::to_string(mode) + ", mix " + std::to_string(mix));
      f([=](const MadeSource& source) {
        Settings settings = settings_for<Ways>(source, mode);
        for (MixChoice& choice : settings.mix)
          choice = {mix == 0 ? AnyMix(WeightedSum{}) : AnyMix(UpGrad{}), {}};
        return settings;
      });
    }
}

TEST(Weights, OfOneGiveTheSameBitsAsNone) {
  MadeSource without = some_records(7), with = some_records(7);
  without.known_complete = true;
  with.known_complete = true;
  with.weights.assign(7, 1.0f);
  each_way([&](const auto& settings_of) {
    const auto trained = [&](const MadeSource& source) {
      Settings settings = settings_of(source);
      settings.batch_size = 4;
      settings.shuffle = settings.augment = true;
      auto training = std::make_unique<MadeTraining<Ways>>(settings);
      training->step(5);
      return training;
    };
    const auto a = trained(without), b = trained(with);
    expect_same_tensors(*a, *b);
    EXPECT_EQ(a->report.value, b->report.value);
    EXPECT_EQ(a->evaluate().value, b->evaluate().value);
  });
}

TEST(Weights, OfTwoIsTheRecordTwice) {
  MadeSource heavy = some_records(6), twice = some_records(6);
  heavy.weights = {2, 1, 1, 1, 2, 1};
  for (const std::size_t record : {0u, 4u}) {
    const std::size_t before = twice.targets[0].labels.size();
    repeat(twice.pictures, before, record);
    for (auto& target : twice.targets) {
      repeat(target.labels, before, record);
      repeat(target.values, before, record);
      repeat(target.masks, before, record);
    }
  }
  MadeSource eight = some_records(8);
  eight.pictures = twice.pictures;
  eight.targets = twice.targets;
  each_way([&](const auto& settings_of) {
    MadeTraining<Ways> a(settings_of(heavy)), b(settings_of(eight));
    a.step(3), b.step(3);
    for (const std::string& name : a.tensor_names()) {
      const auto x = a.tensor(name), y = b.tensor(name);
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], 2e-5f) << name << i;
    }
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(a.report.value[k], b.report.value[k], 1e-5);
    for (std::size_t k = 0; k < 3; ++k)
      EXPECT_NEAR(a.evaluate().value[k], b.evaluate().value[k], 1e-5);
  });
}

TEST(Weights, OfZeroIsARecordWithoutTargets) {
  MadeSource light = some_records(7), unknown = some_records(7);
  light.known_complete = true;  // of labels, that is
  light.weights = {1, 0, 1, 1, 1, 0, 1};
  for (const std::size_t r : {1u, 5u}) {
    unknown.targets[0].labels[r] = -1;
    std::fill_n(unknown.targets[1].values.begin() + r * 2, 2, NAN);
    std::fill_n(unknown.targets[2].masks.begin() + r * 20, 20, std::uint8_t{255});
  }
  each_way([&](const auto& settings_of) {
    MadeTraining<Ways> a(settings_of(light)), b(settings_of(unknown));
    a.step(3), b.step(3);
    expect_same_tensors(a, b);
    const Evaluation left = a.evaluate(), right = b.evaluate();
    EXPECT_EQ(left.value, right.value);
    for (std::size_t m = 0; m < 3; ++m) {
      EXPECT_EQ(left.metrics[m].count, right.metrics[m].count);
      EXPECT_TRUE(std::ranges::equal(left.metrics[m].confusion, right.metrics[m].confusion));
    }
  });
  light.weights.assign(7, 0.0f);
  MadeTraining<Ways> fresh(settings_for<Ways>(light)), stepped(settings_for<Ways>(light));
  stepped.step(2);
  EXPECT_FALSE(stepped.report.measured[0] || stepped.report.measured[2]);
  expect_same_tensors(fresh, stepped);
}

}  // namespace
}  // namespace medley::testing
