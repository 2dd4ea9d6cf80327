// Aligned-MTL: what is aligned, which eigenvalue gives the length, and how min jumps; DB-MTL beside
// it, which makes lengths equal and leaves angles alone.
#include "medley/mixes/aligned_mtl.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "medley/mixes/db_mtl.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

// Orthogonal gradients of one length stay; of two lengths they get the shorter, the lower of two in
// the middle, or the root of the mean square.
TEST(AlignedMtl, OrthogonalGradientsGetOneLength) {
  const Gradients g{{3.0, 0.0}, {0.0, 4.0}};
  const double lengths[] = {3.0, 3.0, std::sqrt(12.5)};
  for (int scale = 0; scale < 3; ++scale) {
    GramianStep step(g);
    step.own = {3.0, 1.0};
    const Gradient d = combined(g, step.weights(AlignedMtl{.scale = scale}));
    EXPECT_NEAR(d[0], 0.75 * lengths[scale], 1e-12);
    EXPECT_NEAR(d[1], 0.25 * lengths[scale], 1e-12);
  }
}

TEST(AlignedMtl, MedianIsTheMiddleOfThree) {
  const Gradients g{{3.0, 0.0, 0.0}, {0.0, 4.0, 0.0}, {0.0, 0.0, 9.0}};
  GramianStep step(g);
  for (const double x : combined(g, step.weights(AlignedMtl{.scale = 1}))) {
    EXPECT_NEAR(x, 4.0 / 3.0, 1e-12);
  }
}

// w applied to what the mix makes of unit preferences is a basis that is orthogonal and of one length.
TEST(AlignedMtl, WhatIsWeightedIsAligned) {
  RandomNumbers random(1);
  const Gradients g = random_gradients(random, 4, 9, 0.5);
  Gradients aligned;
  for (std::size_t k = 0; k < 4; ++k) {
    GramianStep step(g);
    for (std::size_t j = 0; j < 4; ++j) step.own[j] = j == k ? 1.0 : 1e-300;
    aligned.push_back(combined(g, step.weights(AlignedMtl{})));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      EXPECT_NEAR(dot(aligned[i], aligned[j]) / dot(aligned[0], aligned[0]), i == j, 1e-9);
    }
  }
}

TEST(AlignedMtl, MinShrinksAndJumpsAsGradientsBecomeParallel) {
  const double epsilon[] = {1.0, 1e-2, 1e-4, 1e-5}, length[] = {4.4e-1, 5e-3, 5e-5, 1.0};
  for (int i = 0; i < 4; ++i) {
    const Gradients g{{1.0, 0.0}, {1.0, epsilon[i]}};
    GramianStep step(g);
    EXPECT_NEAR(norm(combined(g, step.weights(AlignedMtl{}))) / length[i], 1.0, 0.02);
    // Median, of two the lower one, does the same; the mean does not.
    EXPECT_NEAR(norm(combined(g, step.weights(AlignedMtl{.scale = 2}))), 0.75, 0.3);
  }
}

TEST(AlignedMtl, OptionsAreNames) {
  EXPECT_TRUE(has_valid_options(AlignedMtl{.scale = 2}));
  EXPECT_FALSE(has_valid_options(AlignedMtl{.scale = 3}));
}

TEST(DbMtl, LengthsBecomeThoseOfTheLongest) {
  const Gradients g{{3.0, 4.0}, {0.0, 0.1}, {-20.0, 0.0}};
  GramianStep step(g);
  const std::vector<double> w = step.weights(DbMtl{});
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(w[k] * norm(g[k]), 20.0, 1e-12);
  step.own = {1.0, 2.0, 3.0};
  const std::vector<double> v = step.weights(DbMtl{});
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(v[k], w[k] * step.own[k] / 2.0, 1e-12 * v[k]);
}

}  // namespace
}  // namespace medley::testing
