// Functions of single doubles, from sums, products, quotients and square roots alone: the same bits
// from every compiler and C library, and where no square root is needed at compile time too. For
// what is computed once, such as initial weights; math.hpp has those of training.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace medley {

// Natural logarithm of a positive normal number, 2 ulp (a few 1e-17 near 1, where it is small): of
// x = m 2^e, with m near 1 and s = (m - 1) / (m + 1), e ln 2 + 2 (s + s³/3 + s⁵/5 + ...).
constexpr double natural_log(double x) {
  constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0), square = s * s;  // |s| <= 0.172
  double tail = 0.0;
  for (int k = 21; k >= 3; k -= 2) tail = (tail + 1.0 / k) * square;
  return exponent * ln2_high + (2.0 * s + (2.0 * s * tail + exponent * ln2_low));
}

namespace detail {

// Horner's rule; coefficients from the highest power down.
template <std::size_t Size>
constexpr double horner(const std::array<double, Size>& coefficients, double x) {
  double y = coefficients[0];
  for (std::size_t i = 1; i < Size; ++i) y = y * x + coefficients[i];
  return y;
}

}  // namespace detail

// e^x, 2 ulp, for x from -700 to 700: of x = n ln 2 + r, |r| <= ln 2 / 2, 2^n (1 + r + r²/2! + ...).
constexpr double exponential(double x) {
  constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
  const double scaled = x * 1.4426950408889634;
  const auto n = static_cast<int>(scaled + (scaled < 0.0 ? -0.5 : 0.5));
  const double r = (x - n * ln2_high) - n * ln2_low;
  double sum = 1.0;
  for (int k = 14; k > 0; --k) sum = 1.0 + r / k * sum;
  return sum * std::bit_cast<double>(static_cast<std::uint64_t>(1023 + n) << 52);
}

inline double square_root(double x) { return std::sqrt(x); }

// x^n by squaring: no library's pow, so the same bits everywhere.
constexpr double integer_power(double x, std::uint64_t n) {
  double result = 1.0;
  for (; n > 0; n >>= 1, x *= x) {
    if (n & 1) result *= x;
  }
  return result;
}

// The number that a standard normal one is below with probability p, from 2^-33 to 1 - 2^-33, with
// a relative error below 2e-15.
//
// Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics
// 37 (1988), without its branch for p below e^-25.
inline double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q *
           detail::horner<8>(
               {2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
                4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
                1.3314166789178437745e+2, 3.3871328727963666080e+0},
               r) /
           detail::horner<8>(
               {5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4,
                2.1213794301586595867e+4, 5.3941960214247511077e+3, 6.8718700749205790830e+2,
                4.2313330701600911252e+1, 1.0},
               r);
  }
  const double r = std::sqrt(-natural_log(q < 0.0 ? p : 1.0 - p)) - 1.6;
  const double x = detail::horner<8>({7.74545014278341407640e-4, 2.27238449892691845833e-2,
                                      2.41780725177450611770e-1, 1.27045825245236838258e+0,
                                      3.64784832476320460504e+0, 5.76949722146069140550e+0,
                                      4.63033784615654529590e+0, 1.42343711074968357734e+0},
                                     r) /
                   detail::horner<8>({1.05075007164441684324e-9, 5.47593808499534494600e-4,
                                      1.51986665636164571966e-2, 1.48103976427480074590e-1,
                                      6.89767334985100004550e-1, 1.67638483018380384940e+0,
                                      2.05319162663775882187e+0, 1.0},
                                     r);
  return q < 0.0 ? -x : x;
}

}  // namespace medley
