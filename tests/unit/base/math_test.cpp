// Polynomials on virtual vectors: accuracy against the C library in long double, behaviour at the
// ends and with NaN, and one digest that must be the same on every instruction set and compiler.
#include "medley/base/math.hpp"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace medley {
namespace {

using Function = Vec (*)(const Vec&);
using Exact = long double (*)(long double);

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> apply(Function f, std::vector<float> x) {
  const std::size_t count = x.size();
  x.resize((count + 15) / 16 * 16, 1.0f);
  for (std::size_t i = 0; i < x.size(); i += 16) f(Vec::load(&x[i])).store(&x[i]);
  x.resize(count);
  return x;
}

float at(Function f, float x) { return apply(f, {x})[0]; }

// Every `stride`-th float from low to high (both of one sign), by their bits, and both ends.
std::vector<float> floats_between(float low, float high, std::uint32_t stride) {
  const float sign = low < 0.0f ? -1.0f : 1.0f;
  const auto first = std::bit_cast<std::uint32_t>(std::min(std::fabs(low), std::fabs(high)));
  const auto last = std::bit_cast<std::uint32_t>(std::max(std::fabs(low), std::fabs(high)));
  std::vector<float> all;
  for (std::uint64_t b = first; b < last; b += stride) {
    all.push_back(sign * std::bit_cast<float>(static_cast<std::uint32_t>(b)));
  }
  all.push_back(sign * std::bit_cast<float>(last));
  return all;
}

// The distance in units in the last place of the exact value.
double ulps(float got, long double exact) {
  int exponent = 0;
  std::frexp(exact, &exponent);
  const long double unit = std::ldexp(1.0L, std::max(exponent - 24, -149));
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) / unit);
}

double worst_ulps(Function f, Exact exact, float low, float high, std::uint32_t stride = 4999) {
  const std::vector<float> x = floats_between(low, high, stride), y = apply(f, x);
  double worst = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = ulps(y[i], exact(static_cast<long double>(x[i])));
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

long double exact_exp(long double x) { return std::exp(x); }
long double exact_log(long double x) { return std::log(x); }
long double exact_log1p(long double x) { return std::log1p(x); }
long double exact_sigmoid(long double x) { return 1.0L / (1.0L + std::exp(-x)); }
long double exact_tanh(long double x) { return std::tanh(x); }
long double exact_softplus(long double x) {
  return std::max(x, 0.0L) + std::log1p(std::exp(-std::fabs(x)));
}

TEST(Math, ExponentialIsAccurate) {
  EXPECT_LE(worst_ulps(exp, exact_exp, 0.0f, 88.3f), 1.1);
  EXPECT_LE(worst_ulps(exp, exact_exp, -86.5f, -0.0f), 1.1);
  EXPECT_LE(worst_ulps(exp, exact_exp, 0.25f, 4.0f, 97), 1.1);
  EXPECT_EQ(at(exp, 0.0f), 1.0f);
}

TEST(Math, LogarithmIsAccurate) {
  EXPECT_LE(worst_ulps(log, exact_log, std::numeric_limits<float>::min(), 3.4e38f), 1.0);
  EXPECT_LE(worst_ulps(log, exact_log, 0.5f, 2.0f, 97), 1.0);
  EXPECT_LE(worst_ulps(log, exact_log, 0.9999f, 1.0001f, 1), 1.0);
  EXPECT_EQ(at(log, 1.0f), 0.0f);
}

TEST(Math, LogarithmOfOnePlusIsAccurate) {
  EXPECT_LE(worst_ulps(log1p, exact_log1p, 0.0f, 3e38f), 1.5);
  EXPECT_LE(worst_ulps(log1p, exact_log1p, 0.125f, 1.0f, 97), 1.5);
}

TEST(Math, SigmoidIsAccurate) {
  EXPECT_LE(worst_ulps(sigmoid, exact_sigmoid, 0.0f, 100.0f), 2.6);
  EXPECT_LE(worst_ulps(sigmoid, exact_sigmoid, -86.5f, -0.0f), 2.6);
  EXPECT_LE(worst_ulps(sigmoid, exact_sigmoid, -32.0f, -8.0f, 97), 2.6);
  EXPECT_EQ(at(sigmoid, 0.0f), 0.5f);
}

TEST(Math, TangentIsAccurate) {
  EXPECT_LE(worst_ulps(tanh, exact_tanh, 0.0f, 100.0f), 1.5);
  EXPECT_LE(worst_ulps(tanh, exact_tanh, -100.0f, -0.0f), 1.5);
  EXPECT_LE(worst_ulps(tanh, exact_tanh, 0.5f, 1.0f, 97), 1.5);  // where the two formulas meet
}

TEST(Math, SoftplusIsAccurate) {
  EXPECT_LE(worst_ulps(softplus, exact_softplus, 0.0f, 1000.0f), 2.1);
  EXPECT_LE(worst_ulps(softplus, exact_softplus, -86.5f, -0.0f), 2.1);
  EXPECT_LE(worst_ulps(softplus, exact_softplus, -16.0f, -1.0f, 97), 2.1);
}

TEST(Math, EndsSaturate) {
  for (const float x : {88.3f, 89.0f, 1000.0f, 3e38f, infinity}) {
    EXPECT_EQ(at(exp, x), at(exp, 88.3f)) << x;
    EXPECT_EQ(at(exp, -x), at(exp, -88.3f)) << x;
    EXPECT_EQ(at(sigmoid, x), 1.0f) << x;
    EXPECT_EQ(at(sigmoid, -x), at(sigmoid, -88.3f)) << x;
    EXPECT_EQ(at(tanh, x), 1.0f) << x;
    EXPECT_EQ(at(tanh, -x), -1.0f) << x;
    EXPECT_EQ(at(softplus, x), x) << x;
    EXPECT_EQ(at(softplus, -x), at(softplus, -88.3f)) << x;
  }
  EXPECT_TRUE(std::isfinite(at(exp, infinity)));
  EXPECT_TRUE(std::isnormal(at(exp, -infinity)));  // never slowed down by subnormal numbers
  EXPECT_LT(at(sigmoid, -infinity), 1e-38f);
}

TEST(Math, NotANumberStays) {
  // Also with a payload that, taken for an exponent, would turn it into a number.
  const float odd_nan = std::bit_cast<float>(std::uint32_t{0x7FC00080});
  for (const Function f : {Function{exp}, Function{log}, Function{log1p}, Function{sigmoid},
                           Function{tanh}, Function{softplus}}) {
    for (const float x : {nan, -nan, odd_nan}) {
      std::vector<float> lanes(16, 0.5f);
      lanes[11] = x;
      lanes = apply(f, lanes);
      for (int i = 0; i < 16; ++i) EXPECT_EQ(std::isnan(lanes[i]), i == 11);
    }
  }
}

TEST(Math, BitsAreTheSameEverywhere) {
  std::vector<float> x, positive;
  for (int i = -20000; i <= 20000; ++i) {
    x.push_back(static_cast<float>(i) * (1.0f / 128.0f) + static_cast<float>(i % 97) * 0x1p-20f);
  }
  for (int i = 1; i < 40000; ++i) {
    positive.push_back(std::bit_cast<float>(0x00800000 + i * 52711));
  }
  XXH3_state_t* const state = XXH3_createState();
  XXH3_64bits_reset(state);
  const auto digest = [&](Function f, const std::vector<float>& inputs) {
    const std::vector<float> y = apply(f, inputs);
    XXH3_64bits_update(state, y.data(), y.size() * sizeof(float));
  };
  for (const Function f : {Function{exp}, Function{sigmoid}, Function{tanh}, Function{softplus}}) {
    digest(f, x);
  }
  for (const Function f : {Function{log}, Function{log1p}}) digest(f, positive);
  const std::uint64_t found = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  EXPECT_EQ(found, 0x1DA98C48849DA5A7u) << std::hex << found;
}

}  // namespace
}  // namespace medley
