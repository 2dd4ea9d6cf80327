// Weights that a probe finds and leaves as they are.
#include "medley/mixes/probe.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "unit/mixes/stepped_mix.hpp"

namespace medley {
namespace {

using Row = std::vector<double>;

SteppedMix<Probe> probe_of(const Row& lengths) {
  SteppedMix<Probe> stepped(Row(lengths.size(), 1.0), {.share = 0.05});  // five of 100
  stepped.set_lengths(lengths);
  return stepped;
}

TEST(Probe, BringsGradientsToOneLengthOnceItIsOver) {
  auto stepped = probe_of({2.0, 0.5, 8.0});
  for (int t = 0; t < 5; ++t) {
    EXPECT_TRUE(wants_gramian(stepped.mix, stepped.step())) << t;
    EXPECT_EQ(stepped.weights(), (Row{1.0, 1.0, 1.0})) << t;
    stepped.update();
  }
  stepped.gramian.clear();
  EXPECT_FALSE(wants_gramian(stepped.mix, stepped.step()));
  const Row w = stepped.weights();
  EXPECT_NEAR(w[0] * 2.0, w[1] * 0.5, 1e-14);
  EXPECT_NEAR(w[2] * 8.0, w[1] * 0.5, 1e-14);
  EXPECT_NEAR(w[0] + w[1] + w[2], 3.0, 1e-14);
  // Without the third, the others have a sum of 2.
  stepped.present[2] = false;
  EXPECT_NEAR(stepped.weights()[0], 0.4, 1e-14);
  EXPECT_NEAR(stepped.weights()[1], 1.6, 1e-14);
  stepped.present[2] = true;
  const auto kept = stepped.kept;
  stepped.update();
  EXPECT_EQ(stepped.kept, kept);
  EXPECT_EQ(stepped.weights(), w);
}

TEST(Probe, MeasuresARunningMeanAndNothingAfterwards) {
  auto stepped = probe_of({1.0, 1.0});
  double mean = 0.0, power = 1.0;
  for (int t = 0; t < 5; ++t) {
    stepped.set_lengths({1.0 + t, 3.0});
    stepped.update();
    mean = 0.9 * mean + 0.1 * (1.0 + t);
    power *= 0.9;
  }
  stepped.set_lengths({1e6, 1e6});
  stepped.update();
  const Row w = stepped.weights();
  EXPECT_NEAR(w[0] / w[1], 3.0 / (mean / (1.0 - power)), 1e-13);
}

TEST(Probe, MeasuresALossThatComesLaterInItsFirstStep) {
  auto stepped = probe_of({2.0, 1.0, 4.0});
  stepped.present[2] = false;
  for (int t = 0; t < 7; ++t) stepped.update();
  EXPECT_FALSE(wants_gramian(stepped.mix, stepped.step()));
  const Row before = stepped.weights();
  EXPECT_NEAR(before[0] + before[1], 2.0, 1e-14);
  stepped.present[2] = true;
  EXPECT_TRUE(wants_gramian(stepped.mix, stepped.step()));
  EXPECT_EQ(stepped.weights()[2], 1.0);
  EXPECT_NEAR(stepped.weights()[0], before[0], 1e-15);
  stepped.set_lengths({100.0, 100.0, 4.0});
  stepped.update();
  EXPECT_FALSE(wants_gramian(stepped.mix, stepped.step()));
  const Row after = stepped.weights();
  EXPECT_NEAR(after[0] * 2.0, after[2] * 4.0, 1e-13);
  EXPECT_NEAR(after[1] * 1.0, after[2] * 4.0, 1e-13);
}

TEST(Probe, HasOneStepAtLeast) {
  SteppedMix<Probe> stepped({1.0, 1.0}, {.share = 0.0});
  stepped.set_lengths({1.0, 4.0});
  EXPECT_TRUE(wants_gramian(stepped.mix, stepped.step()));
  stepped.update();
  EXPECT_FALSE(wants_gramian(stepped.mix, stepped.step()));
  EXPECT_NEAR(stepped.weights()[0], 1.6, 1e-14);
}

TEST(Probe, TakesNoLengthFromAGradientOfZeros) {
  SteppedMix<Probe> stepped({1.0, 1.0}, {.share = 0.0});
  stepped.set_lengths({1.0, 0.0});
  stepped.update();
  EXPECT_TRUE(wants_gramian(stepped.mix, stepped.step()));
  EXPECT_EQ(stepped.weights(), (Row{1.0, 1.0}));
}

}  // namespace
}  // namespace medley
