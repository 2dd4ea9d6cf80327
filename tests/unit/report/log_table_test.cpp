// Logs as they stand, also while they are written; which of their rows are drawn.
#include "medley/report/log_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace medley::page {
namespace {

TEST(LogTable, IgnoresARowThatIsStillBeingWritten) {
  const LogTable table("losses.csv", "step,split,total\r\n1,train,0.5\r\n2,train,0.4\r\n3,tra");
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.line(1), "2,train,0.4");
  EXPECT_EQ(table.cell(1, "total"), "0.4");
  EXPECT_EQ(table.cell(1, "none"), "");
  EXPECT_EQ(table.misfits(), 0u);
  EXPECT_TRUE(LogTable("losses.csv", "step,spl").header().empty()) << "not even a header yet";
}

TEST(LogTable, LeavesOutAndCountsWhatDoesNotFit) {
  const LogTable table("a.csv",
                       "\xEF\xBB\xBF"
                       "a,b\n1,2\n\n3\n4,5,6\n\"x,y\",\"z\"\"w\"\n");
  EXPECT_EQ(table.header()[0], "a");
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table.misfits(), 2u);
  EXPECT_EQ(table.fields(1), (std::vector<std::string>{"x,y", "z\"w"}));
  EXPECT_EQ(table.csv({1}), "a,b\n\"x,y\",\"z\"\"w\"\n");
}

// 10,000 rows of training, with norms in each 500th, and ten of validation.
LogTable long_log() {
  std::string text = "step,split,total,norm\n";
  for (int step = 1; step <= 10'000; ++step) {
    const std::string total = step == 7777   ? "99.5"
                              : step == 3333 ? "-4"
                                             : "1." + std::to_string(step);
    text += std::to_string(step) + ",train," + total + (step % 500 == 1 ? ",2.5" : ",") + "\n";
    if (step % 1000 == 0) text += std::to_string(step) + ",validation,0.25,\n";
  }
  return LogTable("losses.csv", text);
}

TEST(Thinning, KeepsFewRowsWholeAndEveryPeak) {
  const LogTable table = long_log();
  const std::vector<std::size_t> rows = thinned(table, 500);
  EXPECT_LE(rows.size(), 520u);
  EXPECT_GE(rows.size(), 450u);
  EXPECT_TRUE(std::ranges::is_sorted(rows));
  std::set<std::string> steps;
  std::size_t validation = 0, norms = 0;
  for (const std::size_t row : rows) {
    steps.insert(table.cell(row, "step"));
    validation += table.cell(row, "split") == "validation";
    norms += !table.cell(row, "norm").empty();
  }
  EXPECT_EQ(validation, 10u);
  EXPECT_EQ(norms, 20u);
  for (const char* step : {"1", "2", "10000", "7777", "3333"})
    EXPECT_TRUE(steps.contains(step)) << step;
}

TEST(Thinning, ChoosesEvenly) {
  std::string text = "step\n";
  for (int step = 0; step <= 1000; ++step) text += std::to_string(step) + "\n";
  EXPECT_EQ(thinned(LogTable("a.csv", text), 11),
            (std::vector<std::size_t>{0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000}));
  EXPECT_EQ(thinned(LogTable("a.csv", text), 2000).size(), 1001u) << "all that there are";
}

}  // namespace
}  // namespace medley::page
