// Random numbers: Philox's published numbers at the places where the formula says, and what is made of
// them.
#include "medley/base/random.hpp"

#include <gtest/gtest.h>

#include <set>

#include "medley/engine/order.hpp"

namespace medley {
namespace {

// kat_vectors of Random123, philox4x32 10.
TEST(Random, IsPhiloxOfIndexPurposeEpochAndItem) {
  using Four = std::array<std::uint32_t, 4>;
  EXPECT_EQ(RandomStream(0, Purpose{0}, 0, 0).draw(0),
            (Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(RandomStream(~std::uint64_t{0}, Purpose{0xff}, 0xffffff, ~std::uint64_t{0}).draw(~0u),
            (Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(RandomStream(0x299f31d0a4093822, Purpose{0x85}, 0xa308d3, 0x0370734413198a2e)
                .draw(0x243f6a88),
            (Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, FloatsAndIntegersKeepTheirBounds) {
  EXPECT_EQ(unit_float(0), 0.0f);
  EXPECT_EQ(unit_float(~0u), 1.0f - 0x1p-24f);
  EXPECT_EQ(unit_float(0x80000000u), 0.5f);
  EXPECT_EQ(bounded(0, 7), 0u);
  EXPECT_EQ(bounded(~0u, 7), 6u);
  EXPECT_EQ(bounded(0x80000000u, 7), 3u);
  EXPECT_EQ(bounded(~0u, 1), 0u);
}

TEST(Random, OrdersDependOnSeedAndEpoch) {
  const auto order = [](std::uint64_t seed, std::uint32_t epoch) {
    std::array<std::uint64_t, 50> ranks;
    for (std::uint64_t i = 0; i < ranks.size(); ++i) ranks[i] = Permutation(50, seed, epoch)(i);
    return ranks;
  };
  EXPECT_EQ(order(3, 1), order(3, 1));
  EXPECT_NE(order(3, 1), order(4, 1));
  EXPECT_NE(order(3, 1), order(3, 2));
  // No place in the order is dearer to a record than another: over 400 epochs each comes up at the
  // first place about 8 times.
  std::set<std::uint64_t> first;
  for (std::uint32_t epoch = 0; epoch < 400; ++epoch) first.insert(Permutation(50, 3, epoch)(0));
  EXPECT_EQ(first.size(), 50u);
}

}  // namespace
}  // namespace medley
