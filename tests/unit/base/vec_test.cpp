// The virtual vector: every operation against the same operation on single floats.
#include "medley/base/vec.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace medley {
namespace {

std::array<float, 16> ramp(float first, float step) {
  std::array<float, 16> values;
  for (int i = 0; i < 16; ++i) values[i] = first + step * static_cast<float>(i);
  return values;
}

template <class V>
class EveryWidth : public testing::Test {};
using Widths = testing::Types<Vec, HalfVec, PartVec>;
TYPED_TEST_SUITE(EveryWidth, Widths);

TYPED_TEST(EveryWidth, ArithmeticIsLaneByLane) {
  using V = TypeParam;
  const auto a = ramp(-3.25f, 0.7f), b = ramp(0.1f, 1.3f), c = ramp(5.0f, -0.9f);
  const V x = V::load(a.data()), y = V::load(b.data()), z = V::load(c.data());
  for (int i = 0; i < V::size; ++i) {
    EXPECT_EQ((x + y).lanes()[i], a[i] + b[i]);
    EXPECT_EQ((x - y).lanes()[i], a[i] - b[i]);
    EXPECT_EQ((x * y).lanes()[i], a[i] * b[i]);
    EXPECT_EQ((x / y).lanes()[i], a[i] / b[i]);
    EXPECT_EQ(fma(x, y, z).lanes()[i], std::fma(a[i], b[i], c[i]));
    EXPECT_EQ(fnma(x, y, z).lanes()[i], std::fma(-a[i], b[i], c[i]));
    EXPECT_EQ(sqrt(y).lanes()[i], std::sqrt(b[i]));
    EXPECT_EQ(max(x, y).lanes()[i], std::max(a[i], b[i]));
    EXPECT_EQ(min(x, y).lanes()[i], std::min(a[i], b[i]));
    EXPECT_EQ(abs(x).lanes()[i], std::fabs(a[i]));
    EXPECT_EQ(select(x < V::zero(), y, z).lanes()[i], a[i] < 0 ? b[i] : c[i]);
  }
}

TYPED_TEST(EveryWidth, PaddedStoresWriteAllLanes) {
  using V = TypeParam;
  const auto a = ramp(1.0f, 1.0f);
  std::array<float, 18> to;
  to.fill(-7.0f);
  store_padded(V::load(a.data()), to.data() + 1);
  EXPECT_EQ(to.front(), -7.0f);
  EXPECT_EQ(to.back(), -7.0f);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(to[i + 1], i < V::size ? a[i] : 0.0f) << i;
}

TEST(Vec, FmaRoundsOnce) {
  // 1 + 2^-12 squared needs 25 bits: a multiply and an add lose the last one.
  const float x = 1.0f + 0x1p-12f;
  const float once = fma(Vec::broadcast(x), Vec::broadcast(x), Vec::broadcast(-1.0f)).lanes()[7];
  EXPECT_EQ(once, 0x1p-11f + 0x1p-24f);
  EXPECT_EQ(fnma(Vec::broadcast(x), Vec::broadcast(x), Vec::broadcast(1.0f)).lanes()[7], -once);
}

TEST(Vec, MaxKeepsNotANumberOfItsFirstArgument) {
  const Vec nan = Vec::broadcast(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(std::isnan(max(nan, Vec::zero()).lanes()[0]));
  EXPECT_TRUE(std::isnan(min(nan, Vec::zero()).lanes()[0]));
  EXPECT_EQ(max(Vec::zero(), nan).lanes()[0], 0.0f);
  EXPECT_EQ(min(Vec::zero(), nan).lanes()[0], 0.0f);
}
TEST(Vec, OfEqualNumbersMaxAndMinAreTheFirst) {
  const Vec zero = Vec::zero(), minus = Vec::broadcast(-0.0f);
  for (int i = 0; i < 16; ++i) {
    EXPECT_FALSE(std::signbit(max(zero, minus).lanes()[i]) ||
                 std::signbit(min(zero, minus).lanes()[i]));
    EXPECT_TRUE(std::signbit(max(minus, zero).lanes()[i]) &&
                std::signbit(min(minus, zero).lanes()[i]));
  }
}

TEST(Vec, IntegersComeAsFloats) {
  std::array<std::int32_t, 17> labels;
  for (int i = 0; i < 17; ++i) labels[i] = i % 5 - 1;
  labels[16] = 1 << 24;
  const Vec v = Vec::load_integers(labels.data() + 1);  // not aligned
  const Vec hit = select(v == Vec::broadcast(2.0f), Vec::broadcast(1.0f), Vec::zero());
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(v.lanes()[i], static_cast<float>(labels[i + 1]));
    EXPECT_EQ(hit.lanes()[i], labels[i + 1] == 2 ? 1.0f : 0.0f);
  }
}

TEST(Vec, ComparisonsWithNotANumberAreFalse) {
  const Vec nan = Vec::broadcast(std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(any(nan == nan));
  EXPECT_FALSE(any(nan < Vec::zero()));
  EXPECT_FALSE(any(Vec::zero() < nan));
  std::array<float, 16> one_nan = ramp(0.0f, 1.0f);
  one_nan[13] = std::numeric_limits<float>::quiet_NaN();
  const Vec v = Vec::load(one_nan.data());
  EXPECT_TRUE(any(v == v));
  EXPECT_FALSE(all(v == v));
  EXPECT_TRUE(all(Vec::zero() == Vec::zero()));
  const Vec same = select(v == v, Vec::broadcast(1.0f), Vec::zero());
  for (int i = 0; i < 16; ++i) EXPECT_EQ(same.lanes()[i], i == 13 ? 0.0f : 1.0f);
}

TEST(Vec, SumIsAFixedTree) {
  // Large and small values: any other order gives another result.
  std::array<float, 16> v{};
  v[0] = 1e8f;
  v[8] = 1.0f;
  v[4] = -1e8f;
  v[12] = 1.0f;
  EXPECT_EQ(sum(Vec::load(v.data())), (1e8f + 1.0f) + (-1e8f + 1.0f));
  EXPECT_EQ(sum(Vec::broadcast(0.5f)), 8.0f);
}

}  // namespace
}  // namespace medley
