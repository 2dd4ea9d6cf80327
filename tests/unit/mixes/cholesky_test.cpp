// Cholesky's factors: what they solve, and what has none.
#include "medley/mixes/cholesky.hpp"

#include <gtest/gtest.h>

#include <cstddef>

#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

TEST(Cholesky, Solves) {
  RandomNumbers random(1);
  for (std::size_t count = 1; count <= most_losses; ++count) {
    SmallMatrix a = scaled(random_gradients(random, count, 40)).cosine;
    SmallVector x = small_vector(0.0), b = small_vector(0.0);
    for (std::size_t k = 0; k < count; ++k) x(k) = random.normal();
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t k = 0; k < count; ++k) b(i) += a(i, k) * x(k);
    }
    // Nothing is read above the diagonal.
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = i + 1; j < count; ++j) a(i, j) = 1e300;
    }
    ASSERT_TRUE(factor_cholesky(a, count));
    solve_cholesky(a, count, b);
    for (std::size_t k = 0; k < count; ++k) EXPECT_NEAR(b(k), x(k), 1e-11);
  }
}

TEST(Cholesky, OfWhatIsNotPositiveDefiniteThereIsNone) {
  SmallMatrix a = small_matrix(1.0);
  EXPECT_FALSE(factor_cholesky(a, 2));
  a = small_matrix(0.0);
  a(0, 0) = 1.0;
  a(1, 1) = -1.0;
  EXPECT_FALSE(factor_cholesky(a, 2));
}

}  // namespace
}  // namespace medley::testing
