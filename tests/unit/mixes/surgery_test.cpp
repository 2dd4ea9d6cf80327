// Random orders: of the losses that take part, drawn for each loss and step by itself.
#include "medley/mixes/surgery.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

std::vector<std::size_t> order_of(GramianStep& step, std::size_t i) {
  const MixStep s = step.step();
  const RandomOrder order(s, ActiveLosses(s), i);
  return {order.begin(), order.end()};
}

TEST(RandomOrder, HasTheOthersOnce) {
  RandomNumbers random(1);
  GramianStep step(random_gradients(random, most_losses, 20));
  step.present[3] = step.present[15] = false;
  for (std::size_t i = 0; i < most_losses - 2; ++i) {
    std::vector<std::size_t> order = order_of(step, i);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order.size(), most_losses - 3u);
    for (std::size_t k = 0; k < order.size(); ++k) EXPECT_EQ(order[k], k < i ? k : k + 1);
  }
}

TEST(RandomOrder, OfEveryLossIsItsOwnAndAllOccur) {
  RandomNumbers random(2);
  GramianStep step(random_gradients(random, 4, 8));
  std::map<std::vector<std::size_t>, int> seen[2];
  int same = 0;
  for (step.number = 0; step.number < 1200; ++step.number) {
    for (const std::size_t i : {0u, 1u}) ++seen[i][order_of(step, i)];
    // Where the two others come in the same order for both.
    const auto first = order_of(step, 0), second = order_of(step, 1);
    const auto at = [](const auto& order, std::size_t k) {
      return std::find(order.begin(), order.end(), k);
    };
    same += (at(first, 2) < at(first, 3)) == (at(second, 2) < at(second, 3));
  }
  for (const auto& orders : seen) {
    EXPECT_EQ(orders.size(), 6u);
    for (const auto& [order, count] : orders) EXPECT_NEAR(count, 200, 60);
  }
  EXPECT_NEAR(same, 600, 100);
}

// Other losses keep their order where one is absent.
TEST(RandomOrder, PassesOverTheAbsent) {
  RandomNumbers random(3);
  const Gradients g = random_gradients(random, 5, 8);
  for (std::uint64_t number = 0; number < 20; ++number) {
    GramianStep all(g), some(g);
    all.number = some.number = number;
    some.present[4] = false;
    std::vector<std::size_t> order = order_of(all, 2);
    std::erase(order, 4u);
    EXPECT_EQ(order, order_of(some, 2));
  }
}

}  // namespace
}  // namespace medley::testing
