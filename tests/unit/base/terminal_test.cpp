// Lines for people, as long as a terminal is wide.
#include "medley/base/terminal.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace medley {
namespace {

TEST(CutToColumns, CountsLettersNotBytes) {
  EXPECT_EQ(cut_to_columns("epoch 3 of 12", 7), "epoch 3");
  EXPECT_EQ(cut_to_columns("epoch", 5), "epoch");
  EXPECT_EQ(cut_to_columns("größe 世界", 3), "grö");
  EXPECT_EQ(cut_to_columns("größe 世界", 7), "größe 世");
  EXPECT_EQ(cut_to_columns("größe", std::numeric_limits<std::size_t>::max()), "größe");
  EXPECT_EQ(cut_to_columns("x", 0), "");
}

}  // namespace
}  // namespace medley
