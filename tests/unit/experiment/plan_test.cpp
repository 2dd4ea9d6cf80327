// The plan of a step: directions of groups and of their losses.
#include "medley/experiment/plan.hpp"

#include <gtest/gtest.h>

#include <set>

namespace medley {
namespace {

// Terms 0 .. 4 are losses, 5 and 6 penalties.
constexpr TermSet penalties = 0b1100000;

StepPlan plan(StepMode mode, std::array<TermSet, max_groups> terms, int groups,
              std::array<bool, max_groups> combine) {
  return plan_steps(mode, 3, groups, terms, combine, penalties, 7);
}

TEST(Plan, OneDirectionServesALosslessOrWeightedGroup) {
  const StepPlan one = plan(StepMode::joint, {0b1111111}, 1, {false});
  EXPECT_EQ(one.first_group, 3);
  EXPECT_EQ(one.directions, 1);
  EXPECT_EQ(one.pairs, 0);
  EXPECT_FALSE(one.group[0].can_combine());
  EXPECT_FALSE(one.one_a_loss);
  EXPECT_EQ(one.group[0].terms_of(0, false), 0b1111111u);
  EXPECT_EQ(one.direction_of(4, false), 0);
}

TEST(Plan, ALossThatIsCombinedHasADirection) {
  const StepPlan apart = plan(StepMode::joint, {0b1111111}, 1, {true});
  EXPECT_EQ(apart.directions, 5);
  EXPECT_EQ(apart.pairs, 15);
  EXPECT_TRUE(apart.one_a_loss);
  for (int k = 0; k < 5; ++k) {
    EXPECT_EQ(apart.direction_of(k, true), k);
    EXPECT_EQ(apart.direction_of(k, false), 0);
    // Penalties belong to the first.
    EXPECT_EQ(apart.group[0].terms_of(k, true), TermSet{1} << k | (k == 0 ? penalties : 0));
    EXPECT_EQ(apart.group[0].terms_of(k, false), k == 0 ? 0b1111111u : 0u);
  }
}

TEST(Plan, SimultaneousGroupsHaveDirectionsOfTheirOwn) {
  const StepPlan both = plan(StepMode::simultaneous, {0b0110101, 0b1001010}, 2, {true, true});
  EXPECT_EQ(both.group[0].losses, 3);
  EXPECT_EQ(both.group[1].losses, 2);
  EXPECT_EQ(both.group[1].first, 3);
  EXPECT_EQ(both.directions, 5);
  EXPECT_TRUE(both.one_a_loss);
  std::set<int> directions, pairs;
  for (int k = 0; k < 5; ++k) directions.insert(both.direction_of(k, true));
  EXPECT_EQ(directions.size(), 5u);
  // Every pair of losses of a group has a place.
  for (int g = 0; g < 2; ++g) {
    for (int a = 0; a < both.group[g].losses; ++a) {
      for (int b = 0; b < both.group[g].losses; ++b) {
        pairs.insert(both.group[g].pair(a, b));
        EXPECT_EQ(both.group[g].pair(a, b), both.group[g].pair(b, a));
      }
    }
  }
  EXPECT_EQ(pairs.size(), 9u);
  EXPECT_EQ(*pairs.rbegin(), both.pairs - 1);
  EXPECT_EQ(both.group[1].terms_of(0, true), 0b1000010u);
}

TEST(Plan, GroupsInTurnShareDirections) {
  const StepPlan turns = plan(StepMode::alternating, {0b0010111, 0b1101000}, 2, {true, true});
  EXPECT_TRUE(turns.in_turn());
  EXPECT_EQ(turns.group[0].first, 0);
  EXPECT_EQ(turns.group[1].first, 0);
  EXPECT_EQ(turns.directions, 4);
  // One loss has nothing to be combined with.
  EXPECT_FALSE(turns.group[1].can_combine());
  EXPECT_EQ(turns.pairs, 10);
  EXPECT_FALSE(turns.one_a_loss);
  EXPECT_EQ(turns.group_of(3), 1);
}

}  // namespace
}  // namespace medley
