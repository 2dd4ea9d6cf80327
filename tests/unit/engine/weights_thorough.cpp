// Records that count more or less: every loss of classes and values against PyTorch (tests/golden/weights.py). Thorough, for
// its network has all of them; on masks: mask_terms_test.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/focal.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
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

}  // namespace
}  // namespace medley::testing
