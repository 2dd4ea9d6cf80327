// Floats that stand in for a vector: their fused multiply-add, which goes through double precision,
// against the library's, bit by bit.
#include "medley/base/scalar_batch.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "medley/base/random.hpp"

namespace medley {
namespace {

constexpr int lanes_here = 16;
using Batch = detail::ScalarBatch<lanes_here>;

// The factors and the summand of each lane.
struct Operands {
  std::array<float, lanes_here> a, b, c;
};

void expect_library_results(const Operands& in) {
  const auto x = Batch::load_unaligned(in.a.data()), y = Batch::load_unaligned(in.b.data()),
             z = Batch::load_unaligned(in.c.data());
  const Batch sum = detail::fma_by_doubles(x, y, z), difference = detail::fnma(x, y, z);
  for (int i = 0; i < lanes_here; ++i) {
    const float once = std::fma(in.a[i], in.b[i], in.c[i]),
                less = std::fma(-in.a[i], in.b[i], in.c[i]);
    const auto same = [](float expected, float found) {
      return std::isnan(expected) ? std::isnan(found)
                                  : detail::bits(expected) == detail::bits(found);
    };
    ASSERT_TRUE(same(once, sum.value[i])) << in.a[i] << " * " << in.b[i] << " + " << in.c[i];
    ASSERT_TRUE(same(less, difference.value[i])) << in.c[i] << " - " << in.a[i] << " * " << in.b[i];
  }
}

TEST(ScalarBatch, FmaOfAnyBitsRoundsOnce) {
  for (std::uint64_t n = 0; n < 20000; ++n) {
    Operands in;
    for (int i = 0; i < lanes_here; ++i) {
      const auto bits = RandomStream(1, Purpose::generator, 0, n * lanes_here + i).draw(0);
      in.a[i] = std::bit_cast<float>(bits[0]);
      in.b[i] = std::bit_cast<float>(bits[1]);
      in.c[i] = std::bit_cast<float>(bits[2]);
    }
    expect_library_results(in);
  }
}

// Exponents so close that every sum has digits of both.
TEST(ScalarBatch, FmaOfLikeNumbersRoundsOnce) {
  for (std::uint64_t n = 0; n < 20000; ++n) {
    Operands in;
    for (int i = 0; i < lanes_here; ++i) {
      const auto bits = RandomStream(2, Purpose::generator, 0, n * lanes_here + i).draw(0);
      const auto near_one = [&](std::uint32_t b, std::uint32_t exponents) {
        return std::bit_cast<float>((b & 0x807FFFFF) | (127 - (bits[3] + b) % exponents) << 23);
      };
      in.a[i] = near_one(bits[0], 3);
      in.b[i] = near_one(bits[1], 30);
      in.c[i] = near_one(bits[2], 3);
    }
    expect_library_results(in);
  }
}

// c + half a unit in its last place, less or more than nothing that a double holds: a double rounds
// that to the middle of two floats.
TEST(ScalarBatch, FmaOfWhatADoubleRoundsToTheMiddleRoundsOnce) {
  Operands in;
  for (int i = 0; i < lanes_here; ++i) {
    const float sign = i % 2 ? -1.0f : 1.0f, step = static_cast<float>(i / 4 + 1) * 0x1p-23f;
    in.a[i] = 0x1p-24f * (1.0f + step);
    in.b[i] = 1.0f + (i / 2 % 2 ? -step : step);
    in.c[i] = sign * (1.0f + static_cast<float>(i % 3) * 0x1p-23f);
  }
  expect_library_results(in);
}

// The same where floats have fewer digits, so that the middle of two of them is another bit.
TEST(ScalarBatch, FmaBelowNormalNumbersRoundsOnce) {
  Operands in;
  for (int i = 0; i < lanes_here; ++i) {
    const float step = static_cast<float>(i / 4 + 1) * 0x1p-23f;
    in.a[i] = 0x1p-75f * (1.0f + step);
    in.b[i] = 0x1p-75f * (1.0f + (i / 2 % 2 ? -step : step));
    in.c[i] = static_cast<float>(0x600000 + i % 2) * std::numeric_limits<float>::denorm_min();
  }
  expect_library_results(in);
}

TEST(ScalarBatch, ZerosAndInfinitiesKeepTheirSigns) {
  constexpr float infinity = std::numeric_limits<float>::infinity(),
                  largest = std::numeric_limits<float>::max();
  constexpr std::array<float, 8> values{0.0f,     -0.0f,     1.0f,    -1.0f,
                                        infinity, -infinity, largest, -largest};
  for (const float a : values) {
    for (const float b : values) {
      Operands in;
      for (int i = 0; i < lanes_here; ++i) in.a[i] = a, in.b[i] = b, in.c[i] = values[i % 8];
      expect_library_results(in);
    }
  }
}

}  // namespace
}  // namespace medley
