// Records that count more or less: every loss of classes and values against PyTorch (tests/golden/weights.py; on masks:
// mask_terms_test.cpp), and what must hold in all step modes and with mixes that need gradients apart.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/focal.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/upgrad.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "record_sums.hpp"
#include "training_harness.hpp"

namespace medley::testing {
namespace {

constexpr SoftmaxCrossEntropy weighted{.smoothing = 0.1, .class_weights = {1.0, 2.5, 0.5}};

struct Plain {
  static constexpr std::string_view name = "plain";
  static constexpr Shape input{2, 4, 5};
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 3},
                                                             {"side", TargetKind::classes, 2},
                                                             {"place", TargetKind::values, 2}});
  using Trunk = Sequence<Conv<4>, Tanh>;
  using Heads = std::tuple<Head<"kind", Flatten, Dense<3>>, Head<"side", Flatten, Dense<1>>,
                           Head<"place", Flatten, Dense<2>>>;
  static constexpr auto terms = std::tuple{
      term<"entropy", "kind", "kind">(weighted),
      term<"margins", "kind", "kind">(Hinge{}),
      term<"focal", "kind", "kind">(Focal{}),
      term<"binary", "side", "side">(BinaryCrossEntropy{.positive_weight = 2.0}),
      term<"binary_margins", "side", "side">(BinaryHinge{}),
      term<"binary_focal", "side", "side">(BinaryFocal{}),
      term<"squares", "place", "place">(MeanSquaredError{}),
  };
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 1.0});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2, .slots = 2};
};

TEST(Weights, ValuesAndGradientsAgreeWithPyTorch) {
  std::ifstream stream("tests/golden/weights.json");
  ASSERT_TRUE(stream) << "tests run from the project's folder, where tests/golden/weights.json is";
  const auto file = nlohmann::json::parse(stream);
  MadeSource source(7, Plain::input, Plain::targets);
  source.pictures = file["pictures"].get<std::vector<std::uint8_t>>();
  source.targets[0].labels = file["kind"].get<std::vector<std::int32_t>>();
  source.targets[1].labels = file["side"].get<std::vector<std::int32_t>>();
  source.targets[2].values.clear();
  for (const auto& value : file["place"])
    source.targets[2].values.push_back(value.is_null() ? NAN : value.get<float>());
  source.weights = file["weights"].get<std::vector<float>>();
  const Description d = describe<Plain>();
  ASSERT_EQ(file["terms"].size(), d.terms.size());
  for (std::size_t k = 0; k < d.terms.size(); ++k) {
    SCOPED_TRACE(d.terms[k].name);
    Settings settings = settings_for<Plain>(source);
    settings.weight = {};
    settings.weight[k] = 1.0;
    MadeTraining<Plain> training(settings);
    for (const auto& [name, values] : file["parameters"].items())
      training.set(name, values.get<std::vector<float>>());
    if (k == 0) expect_records_sum_up(training);
    const auto& expected = file["terms"][d.terms[k].name];
    EXPECT_NEAR(training.evaluate().value[k], expected["value"].get<double>(), 1e-6);
    training.step();
    EXPECT_NEAR(training.report.value[k], expected["value"].get<double>(), 1e-6);
    for (const auto& [name, gradient] : expected["gradient"].items()) {
      const auto before = file["parameters"][name].get<std::vector<double>>();
      const std::vector<float> after = training.tensor(name);
      for (std::size_t i = 0; i < before.size(); ++i)
        ASSERT_NEAR(before[i] - double{after[i]}, gradient[i].get<double>(), 2e-6) << name << i;
    }
  }
}

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
                 term<"pixels", "parts", "parts">(weighted),
                 term<"overlap", "parts", "parts">(MulticlassSoftIou{}).over_batch()};
  static constexpr auto mix = any_of(WeightedSum{}, UpGrad{});
  static constexpr Sgd sgd{.learning_rate = 0.3, .momentum = 0.9};
  static constexpr auto steps =
      any_of(joint(sgd),
             simultaneous(group<"a", "kind", "pixels">(sgd), group<"b", "place", "overlap">(sgd)),
             alternating(group<"a", "kind", "overlap">(sgd).repeated(2),
                         group<"b", "place", "pixels">(sgd).on_next_batch()));
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
    for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(a.report.value[k], b.report.value[k], 1e-5);
    for (std::size_t k = 0; k < 4; ++k)
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
