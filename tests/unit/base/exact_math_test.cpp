// Functions of single doubles against those of the C library.
#include "medley/base/exact_math.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "medley/base/random.hpp"

namespace medley {
namespace {

using Limits = std::numeric_limits<double>;

std::uint64_t bits_of(double x) { return std::bit_cast<std::uint64_t>(x); }
double double_of(std::uint64_t bits) { return std::bit_cast<double>(bits); }

// Random bits: every exponent occurs, subnormals too once the exponent is masked away.
std::uint64_t random_bits(std::uint64_t i) {
  const auto drawn = RandomStream(3, Purpose::generator, 0, i).draw(0);
  return std::uint64_t{drawn[0]} << 32 | drawn[1];
}

void expect_root(double x) {
  const double wanted = std::sqrt(x);
  ASSERT_EQ(bits_of(detail::integer_square_root(x)), bits_of(wanted)) << std::hexfloat << x;
  ASSERT_EQ(bits_of(square_root(x)), bits_of(wanted)) << std::hexfloat << x;
}

TEST(SquareRoot, IsCorrectlyRoundedByIntegersToo) {
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  for (std::uint64_t i = 0; i < 1000000; ++i) {
    const double x = double_of(random_bits(i) & ~sign);
    if (!std::isnan(x)) expect_root(x);
  }
}

TEST(SquareRoot, OfSubnormals) {
  for (std::uint64_t i = 0; i < 300000; ++i) {
    expect_root(double_of(random_bits(i) >> (12 + i % 52)));
  }
}

// Squares, whose roots are exact, and their neighbours, whose roots lie close to the middle between two
// doubles or to one of them.
TEST(SquareRoot, OfSquaresAndTheirNeighbours) {
  for (std::uint64_t i = 0; i < 300000; ++i) {
    const double root = 1.0 + static_cast<double>(random_bits(i) >> 12) * Limits::epsilon();
    const double square = root * root;
    for (const double x : {square, std::nextafter(square, 0.0), std::nextafter(square, 9.0)}) {
      expect_root(x);
      expect_root(2.0 * x);
    }
  }
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(detail::integer_square_root(double(i) * i), i);
}

TEST(SquareRoot, OfWhatIsSpecial) {
  for (const double x : {0.0, -0.0, Limits::infinity(), Limits::denorm_min(), Limits::min(),
                         Limits::max(), std::nextafter(1.0, 0.0), std::nextafter(4.0, 0.0)}) {
    expect_root(x);
  }
  for (const double x : {-1.0, -Limits::denorm_min(), -Limits::infinity(), Limits::quiet_NaN()}) {
    EXPECT_TRUE(std::isnan(square_root(x)));
    EXPECT_TRUE(std::isnan(detail::integer_square_root(x)));
  }
  static_assert(square_root(2.25) == 1.5);
}

TEST(FloorOf, CutsWhatIsBehindThePoint) {
  for (std::uint64_t i = 0; i < 300000; ++i) {
    const int exponent = static_cast<int>(i % 140) - 60;
    const double x =
        std::ldexp(1.0 + static_cast<double>(random_bits(i) >> 12) * Limits::epsilon(), exponent);
    ASSERT_EQ(floor_of(x), std::floor(x)) << x;
  }
  for (const double x : {0.0, 0.5, 1.0, std::nextafter(1.0, 0.0), std::nextafter(2.0, 0.0), 3.0}) {
    EXPECT_EQ(floor_of(x), std::floor(x)) << x;
  }
}

TEST(Doubles, AreFiniteAndHaveAMagnitude) {
  for (const double x : {0.0, -0.0, 1.5, -2.5, Limits::max(), Limits::lowest(), Limits::infinity(),
                         -Limits::infinity(), Limits::quiet_NaN(), -Limits::denorm_min()}) {
    EXPECT_EQ(is_finite(x), std::isfinite(x)) << x;
    EXPECT_EQ(bits_of(magnitude(x)), bits_of(std::fabs(x))) << x;
  }
}

}  // namespace
}  // namespace medley
