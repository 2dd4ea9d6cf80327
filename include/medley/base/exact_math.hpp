// Functions of single doubles, from sums, products, quotients and square roots alone: the same bits
// from every compiler, at compile time too, and no C library. For what is computed once or once a step,
// such as initial weights and norms; math.hpp has those of training.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace medley {

namespace detail {

// The square root by integers: of x = m 4^e, with 1 <= m < 4, the bits of √m are found one by one, as
// many as a double has and one to round by. (A root never lies in the middle between two doubles, so
// that this bit alone decides.)
constexpr double integer_square_root(double x) {
  constexpr int fraction_bits = 52, bias = 1023;
  if (!(x > 0.0)) return x == 0.0 ? x : std::numeric_limits<double>::quiet_NaN();
  if (x > std::numeric_limits<double>::max()) return x;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  std::uint64_t m = bits & ((std::uint64_t{1} << fraction_bits) - 1);
  int exponent = static_cast<int>(bits >> fraction_bits);
  if (exponent == 0) {  // subnormal
    const int shift = std::countl_zero(m) - (63 - fraction_bits);
    m <<= shift;
    exponent = 1 - shift;
  } else {
    m |= std::uint64_t{1} << fraction_bits;
  }
  exponent -= bias;
  if (exponent % 2 != 0) {
    m <<= 1;
    --exponent;
  }
  // With pencil and paper: each step takes two bits of m, and finds one of the root.
  std::uint64_t root = 0, rest = 0;
  m <<= 62 - fraction_bits;
  for (int i = 0; i < fraction_bits + 2; ++i) {
    rest = rest << 2 | m >> 62;
    m <<= 2;
    const std::uint64_t next = root << 2 | 1;
    root <<= 1;
    if (rest >= next) {
      rest -= next;
      ++root;
    }
  }
  root = (root >> 1) + (root & 1);  // to nearest
  return std::bit_cast<double>((static_cast<std::uint64_t>(exponent / 2 + bias) << fraction_bits) +
                               (root - (std::uint64_t{1} << fraction_bits)));
}

}  // namespace detail

// √x, correctly rounded: the processor's instruction, or where it has none for doubles (Cortex-M4,
// soft floats), integers.
constexpr double square_root(double x) {
#if defined(__SSE2__) || defined(__aarch64__) || (defined(__ARM_FP) && (__ARM_FP & 8)) || \
    (defined(__riscv_flen) && __riscv_flen >= 64)
  if (!std::is_constant_evaluated()) return __builtin_sqrt(x);
#endif
  return detail::integer_square_root(x);
}

constexpr bool is_finite(double x) {
  return x >= std::numeric_limits<double>::lowest() && x <= std::numeric_limits<double>::max();
}

// |x|.
constexpr double magnitude(double x) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) & ~(std::uint64_t{1} << 63));
}

// ⌊x⌋ of x >= 0.
constexpr double floor_of(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const int exponent = static_cast<int>(bits >> 52) - 1023;
  if (exponent < 0) return 0.0;
  if (exponent >= 52) return x;
  return std::bit_cast<double>(bits >> (52 - exponent) << (52 - exponent));
}

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
constexpr double normal_quantile(double p) {
  const double q = p - 0.5;
  if (q <= 0.425 && q >= -0.425) {
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
  const double r = square_root(-natural_log(q < 0.0 ? p : 1.0 - p)) - 1.6;
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
