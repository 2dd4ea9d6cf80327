// Dynamic weight average: whose means of which epochs it compares.
#include "medley/mixes/dwa.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

Row expected_of(const Row& ratio, double temperature) {
  double sum = 0.0;
  for (const double r : ratio) sum += std::exp(r / temperature);
  Row w;
  for (const double r : ratio) {
    w.push_back(static_cast<double>(ratio.size()) * std::exp(r / temperature) / sum);
  }
  return w;
}
void expect_near(const Row& found, const Row& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) EXPECT_NEAR(found[k], expected[k], 1e-12) << k;
}
void update(SteppedMix<DynamicWeightAverage>& stepped, std::uint32_t epoch, const Row& values) {
  stepped.epoch = epoch;
  stepped.values = values;
  stepped.update();
}

TEST(DynamicWeightAverage, ComparesTheMeansOfTwoEpochs) {
  SteppedMix<DynamicWeightAverage> stepped({1.0, 1.0}, {.temperature = 0.5});
  update(stepped, 0, {4.0, 1.0});
  update(stepped, 0, {2.0, 3.0});
  EXPECT_EQ(stepped.weights(), (Row{1.0, 1.0}));
  update(stepped, 1, {1.0, 5.0});
  EXPECT_EQ(stepped.weights(), (Row{1.0, 1.0}));
  stepped.epoch = 2;  // before and after the first step of the epoch
  expect_near(stepped.weights(), expected_of({1.0 / 3.0, 2.5}, 0.5));
  update(stepped, 2, {100.0, 100.0});
  expect_near(stepped.weights(), expected_of({1.0 / 3.0, 2.5}, 0.5));
  stepped.epoch = 3;
  expect_near(stepped.weights(), expected_of({100.0, 20.0}, 0.5));
}

TEST(DynamicWeightAverage, AveragesTheStepsInWhichALossTookPart) {
  SteppedMix<DynamicWeightAverage> stepped({1.0, 1.0});
  update(stepped, 0, {4.0, 1.0});
  update(stepped, 1, {2.0, 3.0});
  stepped.present[0] = false;
  update(stepped, 1, {1e9, 5.0});
  stepped.present[0] = true;
  stepped.epoch = 2;
  expect_near(stepped.weights(), expected_of({0.5, 4.0}, 2.0));
}

TEST(DynamicWeightAverage, TakesOneForALossWithoutTwoEpochs) {
  SteppedMix<DynamicWeightAverage> stepped({1.0, 1.0});
  update(stepped, 0, {4.0, 1.0});
  stepped.present[0] = false;
  update(stepped, 1, {0.0, 3.0});
  stepped.present[0] = true;
  stepped.epoch = 2;  // the first has no mean of epoch 1
  expect_near(stepped.weights(), expected_of({1.0, 3.0}, 2.0));
  update(stepped, 2, {5.0, 6.0});
  stepped.epoch = 3;
  expect_near(stepped.weights(), expected_of({1.0, 2.0}, 2.0));
  update(stepped, 3, {10.0, 6.0});
  stepped.epoch = 4;
  expect_near(stepped.weights(), expected_of({2.0, 1.0}, 2.0));
  stepped.epoch = 6;  // epochs 4 and 5 had nothing
  EXPECT_EQ(stepped.weights(), (Row{1.0, 1.0}));
}

TEST(DynamicWeightAverage, TakesOneForALossThatIsZero) {
  SteppedMix<DynamicWeightAverage> stepped({1.0, 1.0});
  update(stepped, 0, {0.0, 1.0});
  update(stepped, 1, {2.0, 1.0});
  stepped.epoch = 2;
  EXPECT_EQ(stepped.weights(), (Row{1.0, 1.0}));
}

}  // namespace
}  // namespace medley
