// What is measured of a step from outside: that it changes nothing, and is what steps do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "mixing_harness.hpp"

namespace medley::testing {
namespace {

struct Diagnosed {
  MadeTraining<Listed> training;
  std::vector<float> memory;
  Diagnosis diagnosis;

  explicit Diagnosed(const Settings& settings)
      : training(settings), memory(training.engine().diagnosis_floats()) {}
  void step(double rate_ahead = 0.0) {
    const Position before = training.position;
    training.engine().keep_parameters(memory);
    training.step(1);
    training.engine().diagnose(before, memory, training.report, rate_ahead, diagnosis);
  }
};

Settings with_rate(const MadeSource& made, const MixChoice& choice, double rate, int mode = 0) {
  Settings settings = listed_settings(made, choice, mode);
  settings.learning_rate.fill(rate);
  return settings;
}

TEST(Diagnosis, ChangesNothing) {
  const MadeSource made = listed_source();
  for (const int mode : {0, 1, 2}) {
    Settings settings = listed_settings(made, {GradVac{}, {}}, mode);
    settings.batch_size = 5;
    MadeTraining<Listed> plain(settings);
    Diagnosed diagnosed(settings);
    plain.step(4);
    for (int i = 0; i < 4; ++i) diagnosed.step(0.1);
    expect_same_tensors(plain, diagnosed.training);
  }
}

TEST(Diagnosis, ASmallStepIsPredicted) {
  const MadeSource made = listed_source();
  Diagnosed diagnosed(with_rate(made, {UpGrad{}, {}}, 1e-3));
  diagnosed.step();
  for (int k = 0; k < listed_losses; ++k) {
    EXPECT_NE(diagnosed.diagnosis.real[k], 0.0);
    EXPECT_NEAR(diagnosed.diagnosis.predicted[k], diagnosed.diagnosis.real[k],
                0.02 * std::fabs(diagnosed.diagnosis.real[k]) + 1e-6)
        << k;
    EXPECT_EQ(diagnosed.diagnosis.value[k], diagnosed.training.report.value[k]) << k;
  }
}

TEST(Diagnosis, ProductsAreThoseThatAreMeasuredBeforeAStep) {
  const MadeSource made = listed_source();
  Diagnosed diagnosed(listed_settings(made, {WeightedSum{}, {}}));
  GradientReport measured;
  diagnosed.training.engine().measure_gradients({}, measured);
  diagnosed.step();
  const auto& product = diagnosed.diagnosis.product;
  for (int a = 0; a < listed_losses; ++a) {
    EXPECT_NEAR(std::sqrt(product[a][a]), measured.norm[a], 1e-9 * measured.norm[a]);
    for (int b = 0; b < listed_losses; ++b)
      EXPECT_NEAR(product[a][b] / (measured.norm[a] * measured.norm[b]), measured.cosine[a][b],
                  1e-9);
  }
}

// Where both halves of the batch are the same records, they have the gradient of the whole.
TEST(Diagnosis, HalvesOfABatchAreItsFirstAndItsSecond) {
  MadeSource made = listed_source();
  const auto halve = [](auto& list) {
    std::copy_n(list.begin(), list.size() / 2, list.begin() + list.size() / 2);
  };
  halve(made.pictures);
  for (MadeSource::Target& target : made.targets) halve(target.labels), halve(target.values);
  Diagnosed diagnosed(listed_settings(made, {WeightedSum{}, {}}));
  diagnosed.step();
  const Diagnosis& d = diagnosed.diagnosis;
  for (int a = 0; a < listed_losses; ++a) {
    for (int b = 0; b < listed_losses; ++b)
      EXPECT_NEAR(d.halves[a][b], d.product[a][b],
                  1e-5 * std::sqrt(d.product[a][a] * d.product[b][b]));
  }
}

TEST(Diagnosis, AStepAgainstEachLossIsTaken) {
  const MadeSource made = listed_source();
  Diagnosed diagnosed(listed_settings(made, {WeightedSum{}, {}}));
  const double rate = 1e-3;
  diagnosed.step(rate);
  const Diagnosis& d = diagnosed.diagnosis;
  for (int a = 0; a < listed_losses; ++a) {
    for (int b = 0; b < listed_losses; ++b) {
      const double fall = d.value[b] - d.ahead[a][b];
      EXPECT_NEAR(fall, rate * d.product[a][b],
                  0.05 * rate * std::sqrt(d.product[a][a] * d.product[b][b]) + 1e-6)
          << a << b;
    }
  }
}

TEST(Diagnosis, WeightsFromTheOutputHaveTheExactOnesBesideThem) {
  const MadeSource made = listed_source();
  MadeTraining<Listed> exact(listed_settings(made, {UpGrad{}, {}}));
  Diagnosed kept(listed_settings(made, {UpGrad{}, {.gradients = Composition::output}}));
  exact.step(1);
  kept.step();
  for (int k = 0; k < listed_losses; ++k) {
    EXPECT_NEAR(kept.diagnosis.exact_weight[k], exact.report.weight[k], 1e-5) << k;
  }
  EXPECT_NE(kept.training.report.weight, exact.report.weight);
}

}  // namespace
}  // namespace medley::testing
