// The folder of a study, its trials around an engine that computes nothing, and several processes.
#include "medley/study/study_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "medley/run/stop_signal.hpp"
#include "medley/study/objective.hpp"
#include "medley/study/runner.hpp"
#include "tests/training_loop.hpp"

namespace medley::testing {
namespace {

namespace fs = std::filesystem;

class Study : public ::testing::Test {
 protected:
  Study() {
    design.columns = {"lr"};
    design.metrics = result_names(made.description);
    design.shared = {"--epochs", "2", "--log-every", "1"};
    design.seeds = 2;
    for (const char* lr : {"0.5", "0.25", "0.125"}) settings.push_back({"", {lr}, {"--lr", lr}});
  }
  StudyFolder made_folder() const {
    fs::create_directories(path / "runs");
    write_text(path / "study.ini", "");
    return StudyFolder(path);
  }
  bool work() {
    const StudyFolder folder = made_folder();
    const TrialRunner runner(made.program, design, folder, {.threads = 1, .isa = {}, .data = {}});
    FixedPlan plan(design, settings);
    return medley::work(plan, design, folder, runner);
  }
  TrialRow row(std::uint64_t number) const {
    return {.trial = {.number = number, .rung = 0, .epochs = 2},
            .status = TrialStatus::complete,
            .values = {"0.5"},
            .metrics = std::vector<double>(design.metrics.size(), 0.25)};
  }
  std::string rows() const { return read_text(path / "trials.csv"); }

  TemporaryFolder temporary;
  fs::path path = temporary / "study";
  ScriptedProgram made;
  Design design;
  std::vector<Setting> settings;
};

// What a process returns that runs f.
int in_a_process(const std::function<int()>& f) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(f());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_F(Study, RowsAreThereOnceAndInOrder) {
  const StudyFolder folder = made_folder();
  for (const std::uint64_t number : {4u, 0u, 4u, 1u}) folder.add(design, row(number), 1.5);
  EXPECT_EQ(lines_of(path / "trials.csv").size(), 4u);
  EXPECT_EQ(lines_of(path / "timing.csv")[1].substr(0, 10), "4,0,1.500,");
  folder.sort(design);
  EXPECT_EQ(lines_of(path / "trials.csv")[1].substr(0, 8), "0,0,0,0,");
  EXPECT_EQ(lines_of(path / "trials.csv")[3].substr(0, 22), "4,2,0,0,1,2,complete,0");
  const TrialTable table = folder.trials(design);
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(table.find(0, 4)->metrics, row(4).metrics);
  EXPECT_EQ(table.find(0, 4)->values, row(4).values);
  EXPECT_EQ(table.find(0, 4)->trial.epochs, 2u);
}

TEST_F(Study, ARowThatWasTornIsCut) {
  const StudyFolder folder = made_folder();
  folder.add(design, row(0), 1);
  folder.add(design, row(1), 1);
  const std::string whole = rows();
  for (std::size_t cut = 0; cut < whole.size(); cut += cut < 3 || cut > whole.size() - 4 ? 1 : 29) {
    write_text(path / "trials.csv", std::string_view(whole).substr(0, cut));
    EXPECT_LT(folder.trials(design).size(), 2u);
    folder.add(design, row(0), 1);
    folder.add(design, row(1), 1);
    ASSERT_EQ(rows(), whole) << "cut at " << cut;
  }
}

TEST_F(Study, RowsOfAnotherStudyAreRefused) {
  const StudyFolder folder = made_folder();
  folder.add(design, row(0), 1);
  design.columns = {"clip"};
  EXPECT_ERROR(folder.trials(design), "3: ...trials.csv: has other columns than this study");
  design.columns = {"lr"};
  write_text(path / "trials.csv", header_text(design) + "1,2\r\n");
  EXPECT_ERROR(folder.trials(design), "3: ...trials.csv: '1,2' is not a row of this study");
}

TEST_F(Study, AForeignFolderIsLeftAlone) {
  fs::create_directories(path);
  write_text(path / "letter.txt", "");
  EXPECT_ERROR(StudyFolder{path}, "2: ...is not empty, and no study: it has 'letter.txt'");
  fs::create_directories(temporary / "begun/runs");
  for (const char* name : {"lock", "base.ini", ".study.ini.partial"})
    write_text(temporary / "begun" / name, "");
  EXPECT_FALSE(StudyFolder(temporary / "begun").exists());
  EXPECT_ERROR(StudyFolder{path / "letter.txt"}, "2: ...is a file, not a folder");
}

TEST_F(Study, AClaimEndsWithItsProcessesHoweverTheyEnd) {
  const StudyFolder folder = made_folder();
  const fs::path ready = temporary / "ready";
  const auto claimer = [&] {
    const auto claim = folder.claim(7);
    if (!claim) return 9;
    const pid_t grandchild = ::fork();  // a training, which keeps the claim of its parent
    if (grandchild == 0) {
      write_text(ready, "");
      ::pause();
      ::_exit(0);
    }
    write_text(temporary / "pid", std::to_string(grandchild));
    ::pause();
    return 0;
  };
  const pid_t child = ::fork();
  if (child == 0) ::_exit(claimer());
  while (!fs::exists(ready) || read_text(temporary / "pid").empty()) ::usleep(1000);
  EXPECT_FALSE(folder.claim(7).has_value());
  EXPECT_TRUE(folder.is_claimed(7));
  EXPECT_TRUE(folder.claim(8).has_value());
  EXPECT_FALSE(folder.is_claimed(8));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(folder.claim(7).has_value());  // the training goes on
  ::kill(std::stoi(read_text(temporary / "pid")), SIGKILL);
  for (int i = 0; folder.is_claimed(7) && i < 1000; ++i) ::usleep(1000);
  EXPECT_TRUE(folder.claim(7).has_value());
}

TEST_F(Study, EachSettingIsTrainedWithEachSeed) {
  made.script.validation = {3.0, 2.0};
  ASSERT_TRUE(work());
  const Texts lines = lines_of(path / "trials.csv");
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_TRUE(
      lines[0].starts_with("trial,setting,rung,fold,seed,epochs,status,lr,total,term.kind,"
                           "term.decay,kind.accuracy"))
      << lines[0];
  EXPECT_TRUE(lines[1].starts_with("0,0,0,0,1,2,complete,0.5,2,2,0.25,")) << lines[1];
  EXPECT_TRUE(lines[6].starts_with("5,2,0,0,2,2,complete,0.125,2,")) << lines[6];
  for (std::uint64_t trial = 0; trial < 6; ++trial) {
    const std::string config = read_text(path / "runs" / std::to_string(trial) / "config.ini");
    EXPECT_TRUE(holds(config, "# Options...lr = all=" + settings[trial / 2].values[0] +
                                  "...seed = " + std::to_string(trial % 2 + 1)));
    // The test split stays untouched.
    EXPECT_EQ(count_of("test", read_text(path / "runs" / std::to_string(trial) / "metrics.csv")),
              0);
  }
  const std::string before = rows();
  ASSERT_TRUE(work());  // nothing is left to do
  EXPECT_EQ(rows(), before);
}

TEST_F(Study, ATrainingIsJudgedByItsLastEvaluationOrItsBest) {
  made.script.validation = {3.0, 1.0, 2.0};
  design.shared = {"--epochs", "3"};
  design.seeds = 1;
  settings.resize(1);
  design.best_by = "total";
  ASSERT_TRUE(work());
  EXPECT_TRUE(lines_of(path / "trials.csv")[1].starts_with("0,0,0,0,1,3,complete,0.5,1,"));
  EXPECT_EQ(read_result(path / "runs" / "0", design, 1).second[0], 3.0);
  design.best_by.clear();
  EXPECT_EQ(read_result(path / "runs" / "0", design, 0).second[0], 2.0);
  EXPECT_EQ(read_result(path / "runs" / "0", design, 2).second[0], 1.0);
  EXPECT_EQ(read_result(path / "runs" / "0", design, 2).first, 2u);
}

TEST_F(Study, ATrainingThatDivergesIsARow) {
  made.script.diverges_at = 7;  // in the second epoch
  ASSERT_TRUE(work());
  const Texts lines = lines_of(path / "trials.csv");
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_TRUE(lines[1].starts_with("0,0,0,0,1,1,diverged,0.5,,")) << lines[1];
  EXPECT_TRUE(holds(read_text(path / "log.txt"), "trial 0: diverged: ...diverged at step 8"));
}

TEST_F(Study, ATrainingThatFailsIsARowWithItsReason) {
  settings[1].options = {"--lr", "-1"};
  ASSERT_TRUE(work());
  EXPECT_TRUE(lines_of(path / "trials.csv")[3].starts_with("2,1,0,0,1,0,failed,0.25,,"));
  EXPECT_TRUE(holds(read_text(path / "log.txt"), "trial 2: failed: --lr: -1 is out of range"));
  EXPECT_EQ(lines_of(path / "trials.csv").size(), 7u);
}

// A training that its own plan pauses goes on from there, and is not begun again.
TEST_F(Study, PausedTrainingsGoOn) {
  class Rungs final : public Plan {
   public:
    Rungs(std::vector<Setting> settings, int last) : settings_(std::move(settings)), last_(last) {}
    std::vector<Trial> next(const TrialTable& results) override {
      for (const Trial& trial : {Trial{0, 0, 1}, Trial{0, 1, 2}, Trial{0, 2, 0}}) {
        if (trial.rung <= last_ && !results.has(trial)) return {trial};
      }
      return {};
    }
    const std::vector<Setting>& settings() const override { return settings_; }
    int rung_of(std::size_t) const override { return 2; }
    Progress progress(const TrialTable&) const override { return {}; }

   private:
    std::vector<Setting> settings_;
    int last_;
  };
  design.shared = {"--epochs", "4", "--schedule", "cosine", "--keep", "1"};
  made.script.validation = {1.0};
  const StudyFolder folder = made_folder();
  const TrialRunner runner(made.program, design, folder, {.threads = 1, .isa = {}, .data = {}});
  // A row that was lost comes again, and nothing is trained for it.
  Rungs first(settings, 0);
  ASSERT_TRUE(medley::work(first, design, folder, runner));
  const std::string losses = read_text(path / "runs/0/losses.csv"), row = rows();
  fs::remove(path / "trials.csv");
  ASSERT_TRUE(medley::work(first, design, folder, runner));
  EXPECT_EQ(read_text(path / "runs/0/losses.csv"), losses);
  EXPECT_EQ(rows(), row);
  Rungs plan(settings, 2);
  ASSERT_TRUE(medley::work(plan, design, folder, runner));
  const Texts lines = lines_of(path / "trials.csv");
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_TRUE(lines[1].starts_with("0,0,0,0,1,1,complete,"));
  EXPECT_TRUE(lines[2].starts_with("0,0,1,0,1,2,complete,"));
  EXPECT_TRUE(lines[3].starts_with("0,0,2,0,1,4,complete,"));
  const std::string log = read_text(path / "runs" / "0" / "log.txt");
  EXPECT_EQ(count_of("resuming after step 5\n", log), 2);
  EXPECT_EQ(count_of("resuming after step 10\n", log), 1);
}

TEST_F(Study, AskedToStopItSavesAndGoesOnLater) {
  made.script.validation = {2.0, 1.0};
  ASSERT_TRUE(work());
  const std::string whole = rows();
  fs::remove_all(path);
  const int code = in_a_process([&] {
    made.script.after_step = [](std::uint64_t step) {
      if (step != 3) return;
      ::kill(::getppid(), SIGTERM);  // the parent is to tell its child
      for (int i = 0; stop_signal() == 0 && i < 5000; ++i) ::usleep(1000);
    };
    catch_stop_signals();
    return work() ? 1 : stop_signal();
  });
  EXPECT_EQ(code, SIGTERM);
  EXPECT_TRUE(fs::exists(path / "runs/0/checkpoints/step-00000003.safetensors"));
  EXPECT_FALSE(fs::exists(path / "trials.csv"));
  ASSERT_TRUE(work());
  EXPECT_EQ(rows(), whole);
  EXPECT_EQ(count_of("resuming", read_text(path / "runs" / "0" / "log.txt")), 1);
}

TEST_F(Study, AWorkerOfSeveralThatFailsEndsThemAll) {
  const auto tick = [] {};
  EXPECT_TRUE(in_processes(
      3, [] { return true; }, tick));
  EXPECT_ERROR(in_processes(
                   2, []() -> bool { throw io_error("no room"); }, tick),
               "4: one of the processes of the study");
  EXPECT_TRUE(in_processes(
      2, [&] { return work(); }, tick));
  EXPECT_EQ(lines_of(path / "trials.csv").size(), 7u);
}

}  // namespace
}  // namespace medley::testing
