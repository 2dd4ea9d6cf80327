// Transcendental functions on virtual vectors: polynomials and fused multiply-adds only, so that
// the bits do not depend on a C library or an instruction set. The largest error is stated beside
// each, in units in the last place (ulp) of the exact value, and tested over the range given there.
// NaN stays NaN.
//
// Polynomials: S. L. Moshier, Cephes Mathematical Library (single precision).
#pragma once

#include "medley/base/vec.hpp"

namespace medley {

namespace detail {

// Horner's rule with fused steps; coefficients from the highest power down.
template <class... C>
MEDLEY_INLINE Vec polynomial(const Vec& x, float highest, C... rest) {
  Vec y = Vec::broadcast(highest);
  ((y = fma(y, x, Vec::broadcast(rest))), ...);
  return y;
}

// Splits a float's exponent so that the rest lies in [sqrt(1/2), sqrt(2)).
inline constexpr int bits_of_sqrt_half = 0x3F3504F3;

}  // namespace detail

// e^x, 1.1 ulp on [-86.5, 88.3]; beyond, it saturates at the ends of that range.
MEDLEY_INLINE Vec exp(const Vec& argument) {
  // This order of arguments replaces NaN by a number, so that the integer steps below are defined.
  const Vec x = max(Vec::broadcast(-86.5f), min(Vec::broadcast(88.3f), argument));
  // Adding 1.5 * 2^23 rounds to an integer n and leaves it in the low bits of the sum.
  const Vec magic = Vec::broadcast(12582912.0f);
  const Vec shifted = fma(x, Vec::broadcast(1.44269504088896341f), magic);
  const Vec n = shifted - magic;
  const Vec r = fnma(n, Vec::broadcast(-2.12194440e-4f),
                     fnma(n, Vec::broadcast(0.693359375f), x));  // ln 2 in two parts
  const Vec p = detail::polynomial(r, 1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                   4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f);
  const Vec y = fma(p, r * r, r) + Vec::broadcast(1.0f);
  const Vec scaled = Vec::map(
      [](auto value, auto exponent) MEDLEY_INLINE_LAMBDA {
        return detail::on_bits(value, exponent,
                               [](auto v, auto e) MEDLEY_INLINE_LAMBDA { return v + (e << 23); });
      },
      y, shifted);
  return select(argument == argument, scaled, argument);
}

// Natural logarithm of a positive normal number, 1 ulp.
MEDLEY_INLINE Vec log(const Vec& x) {
  const auto exponent_of = [](auto b) MEDLEY_INLINE_LAMBDA {
    return (b - detail::bits_of_sqrt_half) >> 23;
  };
  const Vec e = Vec::map(
      [&](auto value)
          MEDLEY_INLINE_LAMBDA { return detail::to_float(detail::on_bits(value, exponent_of)); },
      x);
  const Vec m = Vec::map(
      [&](auto value) MEDLEY_INLINE_LAMBDA {
        return detail::on_bits(
            value, [&](auto b) MEDLEY_INLINE_LAMBDA { return b - (exponent_of(b) << 23); });
      },
      x);
  const Vec f = m - Vec::broadcast(1.0f);  // sqrt(1/2) - 1 to sqrt(2) - 1
  const Vec square = f * f;
  const Vec p = detail::polynomial(f, 7.0376836292e-2f, -1.1514610310e-1f, 1.1676998740e-1f,
                                   -1.2420140846e-1f, 1.4249322787e-1f, -1.6668057665e-1f,
                                   2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f);
  Vec y = p * square * f;
  y = fma(e, Vec::broadcast(-2.12194440e-4f), y);
  y = fnma(Vec::broadcast(0.5f), square, y);
  const Vec result = fma(e, Vec::broadcast(0.693359375f), f + y);
  return select(x == x, result, x);
}

// 1 / (1 + e^-x), 2.6 ulp down to -86.5; below -88.3 it saturates.
MEDLEY_INLINE Vec sigmoid(const Vec& x) {
  const Vec one = Vec::broadcast(1.0f);
  return one / (one + exp(negate(x)));
}

// log(1 + u) for finite u >= 0, 1.5 ulp: the logarithm of the rounded sum, and what rounding took
// from the sum.
MEDLEY_INLINE Vec log1p(const Vec& u) {
  const Vec one = Vec::broadcast(1.0f);
  const Vec rounded = one + u;
  return log(rounded) + (u - (rounded - one)) / rounded;
}

// log(1 + e^x), 2.1 ulp down to -86.5; below, it saturates.
MEDLEY_INLINE Vec softplus(const Vec& x) {
  return max(x, Vec::zero()) + log1p(exp(negate(abs(x))));
}

// Hyperbolic tangent, 1.5 ulp.
MEDLEY_INLINE Vec tanh(const Vec& x) {
  const Vec one = Vec::broadcast(1.0f), two = Vec::broadcast(2.0f);
  const Vec z = x * x;
  const Vec small =
      fma(detail::polynomial(z, -5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                             1.33314422036e-1f, -3.33332819422e-1f) *
              z,
          x, x);
  const Vec magnitude = one - two / (exp(two * abs(x)) + one);
  const Vec large = select(x < Vec::zero(), negate(magnitude), magnitude);
  return select(abs(x) < Vec::broadcast(0.625f), small, large);
}

}  // namespace medley
