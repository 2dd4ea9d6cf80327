// Run and study folders as a page and as tidy tables.
#include "medley/report/page_of_runs.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "medley/report/page_of_study.hpp"
#include "medley/report/tidy.hpp"
#include "tests/files_helpers.hpp"

namespace medley::page {
namespace {

namespace fs = std::filesystem;

// A run of four steps that has ended; `lr` and `seed` are its options.
fs::path run_folder(const fs::path& folder, const std::string& seed = "1") {
  fs::create_directories(folder);
  write_text(folder / "config.ini",
             "# Options of this run of medley-small; --config takes them back.\nlr = all=0.5\n"
             "schedule = step:0.1@0.5\nwarm-up = 0\nseed = " +
                 seed + "\n");
  write_text(folder / "log.txt",
             "records: 8 train, 4 validation, 0 test; batch 2, 4 steps, schedule step\n"
             "digest of the parameters 00ff; the run is in here\n");
  write_text(folder / "losses.csv",
             "epoch,step,split,total,kind.value\r\n0,1,train,2.5,2.5\r\n0,2,train,2,\r\n0,3,train,"
             "1.25,1.25\r\n"
             "0,4,validation,0.75,0.7500000000000001\r\n");
  write_text(folder / "metrics.csv",
             "epoch,step,split,kind.accuracy\r\n0,4,validation,0.87" + seed + "\r\n");
  write_text(folder / "confusion-kind-validation.csv",
             "true,</script><b>,cat\r\n</script><b>,3,1\r\ncat,0,4\r\n");
  return folder;
}

TEST(PageOfRuns, TellsFiguresOfARun) {
  const TemporaryFolder folder;
  const RunFiles run = read_run(run_folder(folder.path() / "a"));
  EXPECT_EQ(run.name, "a");
  EXPECT_EQ(run.experiment, "small");
  EXPECT_EQ(run.planned_steps, 4u);
  EXPECT_EQ(run.digest, "00ff");
  EXPECT_EQ(run.records, "8 train, 4 validation, 0 test");
  EXPECT_EQ(state_of(run), "finished after 4 steps");
  const Page page = page_of_runs(std::span(&run, 1));
  const std::string text = html(page);
  EXPECT_NE(text.find(R"(<data value="0.7500000000000001">0.7500</data>)"), std::string::npos);
  EXPECT_NE(text.find("&lt;/script&gt;&lt;b&gt;"), std::string::npos) << "a class's name";
  EXPECT_EQ(text.find("</script><b>"), std::string::npos);
  EXPECT_NE(text.find("a: no timing.csv, so no curves by time."), std::string::npos);
  EXPECT_EQ(
      page.data["runs"][0]["tables"][0]["csv"],
      "epoch,step,split,total,kind.value\n0,1,train,2.5,2.5\n0,2,train,2,\n0,3,train,1.25,1.25\n"
      "0,4,validation,0.75,0.7500000000000001\n");
}

TEST(PageOfRuns, TellsErrorsOfTestFigures) {
  const TemporaryFolder folder;
  const fs::path a = run_folder(folder.path() / "a");
  write_text(
      a / "losses.csv",
      "epoch,step,split,total,kind.value\r\n0,4,test,2.5,2.25\r\n0,4,best.test,1.5,1.25\r\n");
  write_text(a / "test.csv",
             "name,value,standard_error,low,high\r\ntest.total,2.5,0.125,2,3\r\n"
             "test.term.kind,2.25,0.5,1,3\r\nbest.test.total,1.5,,,\r\n");
  const RunFiles run = read_run(a);
  const std::string text = html(page_of_runs(std::span(&run, 1)));
  const auto shows = [&](std::string_view value, std::string_view error) {
    const std::size_t at = text.find(fmt::format("<data value=\"{}\"", value));
    const std::string rest = text.substr(at, text.find("</td>", at) - at);
    return at != std::string::npos && (rest.find(fmt::format("± <data value=\"{}\"", error)) !=
                                       std::string::npos) == !error.empty();
  };
  EXPECT_TRUE(shows("2.5", "0.125"));
  EXPECT_TRUE(shows("2.25", "0.5"));
  EXPECT_TRUE(shows("1.5", ""));
}

TEST(PageOfRuns, ComputesLearningRatesAsTheScheduleDoes) {
  const TemporaryFolder folder;
  const RunFiles run = read_run(run_folder(folder.path() / "a"));
  const auto rates = learning_rates(run, run.losses->all_rows());
  ASSERT_TRUE(rates);
  EXPECT_EQ(rates->csv(rates->all_rows()), "step,rate.all\n1,0.5\n2,0.5\n3,0.05\n");
}

TEST(PageOfRuns, KnowsARunThatIsStillGoing) {
  const TemporaryFolder folder;
  run_folder(folder.path() / "a");
  write_text(folder.path() / "a/log.txt",
             "records: 8 train, 4 validation, 0 test; batch 2, 400 steps, schedule step\n");
  write_text(folder.path() / "a/losses.csv", "epoch,step,split,total\r\n0,1,train,2.5\r\n0,2,tr");
  fs::remove(folder.path() / "a/metrics.csv");
  fs::remove(folder.path() / "a/confusion-kind-validation.csv");
  const RunFiles run = read_run(folder.path() / "a");
  EXPECT_EQ(state_of(run), "at step 1 of 400: still going, or interrupted");
  const Page page = page_of_runs(std::span(&run, 1));
  EXPECT_EQ(page.left_out.size(), 4u);
  EXPECT_NE(html(page).find("no metrics.csv"), std::string::npos);
}

TEST(PageOfRuns, ComparesRunsAndTheirSeeds) {
  const TemporaryFolder folder;
  std::vector<RunFiles> runs;
  for (const char* seed : {"1", "2", "3"})
    runs.push_back(read_run(run_folder(folder.path() / seed / "run", seed)));
  name_apart(runs);
  EXPECT_EQ(runs[2].name, "3/run");
  const std::string text = html(page_of_runs(runs));
  EXPECT_NE(text.find("mean of 3<"), std::string::npos);
  EXPECT_NE(text.find(">0.8720</data> <span class=\"error\">± "), std::string::npos);
  EXPECT_NE(text.find(">0.0006</data>"), std::string::npos) << "0.001 / √3";
  EXPECT_EQ(text.find("<th scope=\"col\">lr</th>"), std::string::npos) << "which they share";
}

TEST(PageOfRuns, WritesTidyTables) {
  const TemporaryFolder folder;
  const RunFiles run = read_run(run_folder(folder.path() / "a,b"));
  write_tidy(std::span(&run, 1), folder.path() / "tidy/csv");
  EXPECT_EQ(
      read_text(folder.path() / "tidy/csv/losses.csv"),
      "run,step,split,name,value\n\"a,b\",1,train,total,2.5\n\"a,b\",1,train,kind.value,2.5\n"
      "\"a,b\",2,train,total,2\n"
      "\"a,b\",3,train,total,1.25\n\"a,b\",3,train,kind.value,1.25\n"
      "\"a,b\",4,validation,total,0.75\n\"a,b\",4,validation,kind.value,0.7500000000000001\n");
  EXPECT_EQ(read_text(folder.path() / "tidy/csv/learning-rate.csv"),
            "run,step,split,name,value\n\"a,b\",1,,rate.all,0.5\n\"a,b\",2,,rate.all,0.5\n\"a,b\","
            "3,,rate.all,0.05\n");
  EXPECT_NE(read_text(folder.path() / "tidy/csv/confusion.csv")
                .find("\"a,b\",kind,validation,cat,</script><b>,0\n"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder.path() / "tidy/csv/timing.csv")) << "which the run has not";
}

TEST(PageOfRuns, RefusesWhatIsNoRun) {
  const TemporaryFolder folder;
  const std::string said = error_of([&] { read_run(folder.path()); });
  EXPECT_TRUE(said.starts_with("3: ")) << said;
  EXPECT_NE(said.find("neither a run"), std::string::npos) << said;
}

TEST(PageOfRuns, TellsHowManyRowsAreDrawn) {
  std::string text = "step,total\n";
  for (int step = 1; step <= 10'000; ++step)
    text += std::to_string(step) + (step == 7777 ? ",99.5\n" : ",1.25\n");
  const nlohmann::json drawn = drawn_table(LogTable("losses.csv", text), 5'000);
  EXPECT_EQ(drawn["rows"], 10'000);
  EXPECT_LT(drawn["drawn"].get<int>(), 1'000);
  const std::string csv = drawn["csv"];
  EXPECT_LT(csv.size(), 6'000u);
  EXPECT_EQ(std::ranges::count(csv, '\n'), drawn["drawn"].get<int>() + 1);
  EXPECT_NE(csv.find("\n7777,99.5\n"), std::string::npos);
}

TEST(PageOfStudy, TellsAnswerAndSettings) {
  const TemporaryFolder folder;
  write_text(folder.path() / "settings.csv",
             "setting,name,lr,mix,trials,a.accuracy.mean,a.accuracy.standard_error,"
             "a.accuracy.difference,a.accuracy.difference_error,a.accuracy.p,on_front,chosen\n"
             "0,default,0.001,\"pcd:a=1,b=2\",3,0.91,0.004,,,,0,0\n"
             "1,,0.01,upgrad,3,0.93,0.0005,0.02,0.004,0.03,1,1\n");
  write_text(folder.path() / "answer.txt", "Take <setting> 1.\n");
  EXPECT_TRUE(is_study(folder.path()));
  const StudyFiles study = read_study(folder.path());
  const SettingColumns columns = setting_columns(*study.settings);
  EXPECT_EQ(columns.searched, (std::vector<std::string>{"lr", "mix"}));
  EXPECT_EQ(columns.objectives, std::vector<std::string>{"a.accuracy"});
  const Page page = page_of_study(study);
  EXPECT_EQ(page.sections[0].id, "answer");
  const std::string text = html(page);
  EXPECT_NE(text.find("<p>Take &lt;setting&gt; 1.</p>"), std::string::npos);
  EXPECT_NE(text.find("pcd:a=1,b=2"), std::string::npos);
  EXPECT_NE(text.find("<tr class=\"chosen\">"), std::string::npos);
  EXPECT_NE(text.find("No trials.csv yet"), std::string::npos);
  EXPECT_EQ(text.find("id=\"front-chart\""), std::string::npos) << "of one objective";
}

// The longest trial of each setting, named by its setting; settings without trials have no curves.
TEST(PageOfStudy, DrawsATrialOfEachSetting) {
  const TemporaryFolder folder;
  write_text(folder.path() / "study.ini",
             "# A study of medley-small; tune --study goes on with it.\n");
  write_text(folder.path() / "settings.csv",
             "setting,name,lr,trials,a.accuracy.mean,chosen\n0,default,1,1,0.5,0\n1,,2,2,0.6,1\n"
             "2,,3,0,,0\n");
  write_text(folder.path() / "trials.csv",
             "trial,setting,epochs,status\n0,0,1,complete\n1,1,1,complete\n2,1,4,complete\n");
  for (const char* trial : {"0", "1", "2"}) run_folder(folder.path() / "runs" / trial, trial);
  const StudyFiles study = read_study(folder.path());
  EXPECT_EQ(study.experiment, "small");
  const std::vector<RunFiles> runs = trials_to_draw(study);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].name, "default");
  EXPECT_EQ(runs[1].name, "setting 1 (chosen)");
  EXPECT_EQ(runs[1].option("seed"), std::vector<std::string>{"2"});
  EXPECT_EQ(page_of_study(study).data["runs"].size(), 2u);
}

}  // namespace
}  // namespace medley::page
