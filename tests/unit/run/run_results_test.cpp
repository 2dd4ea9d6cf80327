// What is read of a run from its folder.
#include "medley/run/run_results.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/files_helpers.hpp"
#include "tests/training_loop.hpp"

namespace medley::testing {
namespace {

class Results : public ::testing::Test {
 protected:
  Results() {
    write("config.ini",
          "# Options of this run of medley-scripted; --config takes them back.\n"
          "lr = all=0.5\nweight = kind=1\nweight = decay=0.5\nsteps = 9\n");
    write("losses.csv", losses);
    write("metrics.csv", metrics);
  }
  void write(const char* name, const std::string& text) { write_text(run / name, text); }

  TemporaryFolder folder;
  std::filesystem::path run = folder.path();
  const std::string losses =
      "epoch,step,split,total,kind.value,kind.weight,kind.gradient_norm\r\n"
      "0,1,train,2.5,2,1,0.125\r\n"
      "0,4,validation,1.5,1,1,\r\n"
      "1,8,validation,1.25,,1,\r\n"
      "1,9,train,inf,2,1,\r\n"
      "1,9,validation,1.25,2,1,\r\n";
  const std::string metrics =
      "epoch,step,split,kind.accuracy\r\n"
      "0,4,validation,0.75\r\n"
      "1,8,validation,0.5\r\n"
      "1,9,validation,0.875\r\n";
};

TEST_F(Results, RowsOfBothLogsAreJoined) {
  const RunResults r = read_run(run);
  EXPECT_EQ(r.experiment, "scripted");
  EXPECT_EQ(r.names,
            (Texts{"total", "term.kind", "weight.kind", "gradient_norm.kind", "kind.accuracy"}));
  ASSERT_EQ(r.rows.size(), 5u);
  EXPECT_EQ(r.value(r.rows[0], "gradient_norm.kind"), 0.125);
  EXPECT_TRUE(std::isnan(r.value(r.rows[0], "kind.accuracy")));
  const ResultRow* row = r.row("validation", 8);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->epoch, 1u);
  EXPECT_EQ(r.value(*row, "kind.accuracy"), 0.5);
  EXPECT_TRUE(std::isnan(r.value(*row, "term.kind")));
  EXPECT_TRUE(std::isnan(r.value(*row, "nothing")));
  EXPECT_EQ(r.row("validation", 5), nullptr);
  EXPECT_EQ(r.last_row("train")->step, 9u);
  EXPECT_EQ(r.last_row("test"), nullptr);
  EXPECT_EQ(r.option("weight").size(), 2u);
  EXPECT_EQ(r.option("weight")[1], "decay=0.5");
  EXPECT_EQ(r.done, 9u);
  EXPECT_EQ(r.length, 9u);
  EXPECT_EQ(r.status, RunStatus::stopped);
}

TEST_F(Results, TheBestIsWhatTheRunCallsSo) {
  EXPECT_EQ(read_run(run).best_step, 8u);  // the first of the lowest totals
  write("config.ini", "best = kind.accuracy\nbest = total");
  EXPECT_EQ(read_run(run).best_step, 9u);
  write("config.ini", "best = total\nbest = kind.accuracy\n");
  EXPECT_EQ(read_run(run).best_step, 9u);
  write("config.ini", "best = kind.auc\n");
  EXPECT_ERROR(read_run(run), "3: ...config.ini: best = kind.auc: there is no such number");
  write("config.ini", "best = train.total\n");
  EXPECT_EQ(read_run(run).best_step, std::nullopt);
  write("losses.csv", losses + "0,4,whole.train,3,1,1,\r\n1,8,whole.train,4,1,1,\r\n");
  EXPECT_EQ(read_run(run).best_step, 4u);
}

TEST_F(Results, HalfALineCountsForNothing) {
  write("losses.csv", losses + "1,10,train,1.7");
  write("metrics.csv", metrics.substr(0, metrics.size() - 1));
  const RunResults r = read_run(run);
  EXPECT_EQ(r.rows.size(), 5u);
  EXPECT_TRUE(std::isnan(r.value(r.rows[4], "kind.accuracy")));
}

TEST_F(Results, ARunThatHasJustBegunHasNoRows) {
  for (const char* text : {"", "epoch,st", "epoch,step,split,total\r\n"}) {
    write("losses.csv", text);
    write("metrics.csv", "");
    const RunResults r = read_run(run);
    EXPECT_EQ(r.rows.size(), 0u);
    EXPECT_EQ(r.best_step, std::nullopt);
  }
  std::filesystem::remove(run / "losses.csv");
  EXPECT_EQ(read_run(run).rows.size(), 0u);
  std::filesystem::remove(run / "config.ini");
  EXPECT_ERROR(read_run(run), "4: ...is no run folder: there is no config.ini");
}

TEST_F(Results, DamageIsNamedWithItsLine) {
  const auto damaged = [&](const char* name, const std::string& text, const char* told) {
    write(name, text);
    EXPECT_ERROR(read_run(run), told);
    write("losses.csv", losses);
    write("metrics.csv", metrics);
  };
  damaged("losses.csv", losses + "1,9\r\n", "3: ...losses.csv: line 7: 2 cells, the header has 7");
  damaged("losses.csv", losses + "1,9,test,x,1,1,\r\n", "3: ...losses.csv: line 7: 'x' is not a");
  damaged("losses.csv", "a,b\r\n", "3: ...losses.csv: line 1: the header does not begin with");
  damaged("metrics.csv", metrics + "-1,9,test,1\r\n", "3: ...metrics.csv: line 5: '-1' is not");
  damaged("metrics.csv", metrics + std::string("1,9,test,1\0\r\n", 13), "3: ...line 5: '1...' is");
  write("config.ini", "steps = 7\nnothing\n");
  EXPECT_ERROR(read_run(run), "3: ...config.ini: line 2: 'nothing' is not of the form");
  write("config.ini", "steps = x\n");
  EXPECT_ERROR(read_run(run), "3: ...config.ini: steps = x is not a whole number");
}

}  // namespace
}  // namespace medley::testing
