// Eigenvalues by Jacobi's rotations, on what defines them.
#include "medley/mixes/spectrum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>

#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

SmallMatrix over_trace(const Gradients& g) {
  double trace = 0.0;
  for (const Gradient& row : g) trace += dot(row, row);
  SmallMatrix a = small_matrix(0.0);
  for (std::size_t i = 0; i < g.size(); ++i) {
    for (std::size_t j = 0; j < g.size(); ++j) a(i, j) = dot(g[i], g[j]) / trace;
  }
  return a;
}

// A v_r = λ_r v_r, VᵀV = 1, order and signs.
void expect_spectrum(const SmallMatrix& a, std::size_t count) {
  const Spectrum found = spectrum_of(a, count);
  ASSERT_TRUE(found.ended);
  for (std::size_t r = 0; r < count; ++r) {
    double largest = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
      double sum = 0.0;
      for (std::size_t k = 0; k < count; ++k) sum += a(i, k) * found.vectors(k, r);
      EXPECT_NEAR(sum, found.values(r) * found.vectors(i, r), 1e-14);
      if (std::fabs(found.vectors(i, r)) > std::fabs(largest)) largest = found.vectors(i, r);
    }
    EXPECT_GT(largest, 0.0);
    for (std::size_t s = 0; s < count; ++s) {
      double product = 0.0;
      for (std::size_t k = 0; k < count; ++k) product += found.vectors(k, r) * found.vectors(k, s);
      EXPECT_NEAR(product, r == s ? 1.0 : 0.0, 1e-13);
    }
    EXPECT_GE(found.values(r == 0 ? 0 : r - 1), found.values(r));
  }
}

TEST(Spectrum, IsWhatDefinesIt) {
  RandomNumbers random(1);
  for (std::size_t count = 1; count <= most_losses; ++count) {
    for (int i = 0; i < 10; ++i) {
      expect_spectrum(over_trace(random_gradients(random, count, 20, 1.0)), count);
      expect_spectrum(over_trace(degenerate_gradients(random, count, 5)), count);
    }
  }
}

TEST(Spectrum, OfTwoInClosedForm) {
  SmallMatrix a = small_matrix(0.0);
  a(0, 0) = 1.0;
  a(1, 1) = 1.0;
  a(0, 1) = a(1, 0) = -0.25;
  const Spectrum found = spectrum_of(a, 2);
  EXPECT_NEAR(found.values(0), 1.25, 1e-15);
  EXPECT_NEAR(found.values(1), 0.75, 1e-15);
  EXPECT_NEAR(found.vectors(0, 0), std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(found.vectors(1, 0), -std::sqrt(0.5), 1e-15);
}

TEST(Spectrum, RankCountsDimensions) {
  RandomNumbers random(2);
  for (std::size_t width = 1; width <= 8; ++width) {
    EXPECT_EQ(spectrum_of(over_trace(random_gradients(random, 12, width)), 12).rank, width);
  }
  EXPECT_EQ(spectrum_of(small_matrix(0.0), 3).rank, 0u);
}

TEST(Spectrum, SolvesWhereItCanBeSolved) {
  RandomNumbers random(3);
  for (const std::size_t width : {3u, 20u}) {
    const SmallMatrix a = over_trace(random_gradients(random, 6, width));
    SmallVector x = small_vector(0.0), q = small_vector(0.0);
    for (std::size_t k = 0; k < 6; ++k) x(k) = random.normal();
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t k = 0; k < 6; ++k) q(i) += a(i, k) * x(k);
    }
    const SmallVector found = pseudo_solve(spectrum_of(a, 6), q);
    double length = 0.0, own = 0.0;
    for (std::size_t i = 0; i < 6; ++i) {
      double sum = 0.0;
      for (std::size_t k = 0; k < 6; ++k) sum += a(i, k) * found(k);
      EXPECT_NEAR(sum, q(i), 1e-12);
      length += found(i) * found(i);
      own += x(i) * x(i);
    }
    EXPECT_LE(length, own * (1.0 + 1e-9));  // of all solutions the shortest
  }
}

}  // namespace
}  // namespace medley::testing
