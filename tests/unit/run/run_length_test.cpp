// How long a run is, around an engine that computes nothing: patience, evaluations between epochs,
// which of them is the best, and runs that are lengthened.
#include <gtest/gtest.h>

#include <string>

#include "medley/run/run_results.hpp"
#include "tests/training_loop.hpp"

namespace medley::testing {
namespace {

// Totals and hits follow from the step, so that a resumed engine goes on with them.
class RunLength : public TrainingLoop {
 protected:
  RunLength() {
    made.script.after_step = [this](std::uint64_t step) {
      made.script.validation = {total_after(step)};
      made.script.hits = {step / 4 % 5};
    };
  }
  Ending resume(Arguments more, std::uint64_t stop_after = 0) {
    more.insert(more.begin(), "--resume");
    made.script.after_step(linked("last").value_or(0));
    return train(more, stop_after);
  }
  // The first file of a run that is not as it was.
  std::string difference(const std::vector<std::pair<std::string, std::string>>& expected) const {
    const auto found = contents();
    for (std::size_t i = 0; i < std::max(found.size(), expected.size()); ++i) {
      if (i >= found.size() || i >= expected.size()) return "other checkpoints";
      if (found[i] != expected[i]) return found[i].first;
    }
    return {};
  }
  static Arguments joined(Arguments a, const Arguments& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  std::function<double(std::uint64_t)> total_after = [](std::uint64_t step) {
    return static_cast<double>(step * 7 % 11);
  };
};

TEST_F(RunLength, TheBestIsChosenByWhatIsNamed) {
  made.script.after_step = nullptr;
  made.script.validation = {3, 2, 1, 4};
  made.script.hits = {1, 4, 4, 4};
  train({"--epochs", "4", "--keep", "9", "--best", "kind.accuracy"});
  EXPECT_EQ(linked("best"), 10u);
  EXPECT_EQ(state_of(20).best.waited, 2u);
  const SafetensorsFile file(run / "last");
  EXPECT_EQ(*file.metadata("best.kind.accuracy"), "1");
  EXPECT_EQ(file.metadata("best.total"), nullptr);
  EXPECT_EQ(*file.metadata("option.best"), "kind.accuracy");
  EXPECT_EQ(read_run(run).best_step, 10u);

  train({"--force", "--epochs", "4", "--best", "kind.accuracy", "--best", "total"});
  EXPECT_EQ(linked("best"), 15u);
  EXPECT_EQ(state_of(20).best.value[1], 1.0);
  EXPECT_EQ(*SafetensorsFile(run / "last").metadata("option.best"), "kind.accuracy, total");
  train({"--force", "--epochs", "2", "--best", "term.kind"});
  EXPECT_EQ(linked("best"), 5u);  // always 2
}

TEST_F(RunLength, TheTrainingSplitIsEvaluatedWhereItIsAskedFor) {
  train({"--epochs", "2", "--log-every", "100", "--best", "train.total"});
  EXPECT_EQ(rows("losses.csv"),
            (Texts{"0 1 train +", "0 5 whole.train", "0 5 validation", "1 6 train +", "1 10 train",
                   "1 10 whole.train", "1 10 validation", "1 10 test", "1 10 best.test"}));
  EXPECT_EQ(state_of(10).best.value[0], 15.0);
  EXPECT_EQ(read_run(run).best_step, 5u);
  made.source.sizes = {10, 0, 3};
  train({"--force", "--epochs", "2", "--best", "train.total"});
  EXPECT_EQ(linked("best"), 5u);
  EXPECT_EQ(count_of("warning: --best", log()), 0);
  train({"--force", "--epochs", "2", "--best", "kind.accuracy", "--patience", "1"});
  EXPECT_EQ(linked("best"), std::nullopt);
  EXPECT_EQ(linked("last"), 10u);
  EXPECT_EQ(count_of("warning: --best and --patience: the validation split is empty", log()), 1);
}

TEST_F(RunLength, EvaluationsBetweenEpochsKeepTheBest) {
  total_after = [](std::uint64_t step) {
    return step == 4 ? 0.0 : 10.0 - static_cast<double>(step);
  };
  train({"--epochs", "2", "--log-every", "100", "--validate-every", "2", "--keep", "1"}, 7);
  EXPECT_EQ(checkpoints(), (Steps{4, 5, 7}));  // 2 was the best until 4
  EXPECT_EQ(rows("metrics.csv"), (Texts{"0 2 validation", "0 4 validation", "1 6 validation"}));
  resume({});
  EXPECT_EQ(checkpoints(), (Steps{4, 10}));
  EXPECT_EQ(rows("metrics.csv"),
            (Texts{"0 2 validation", "0 4 validation", "1 6 validation", "1 8 validation",
                   "1 10 validation", "1 10 test", "1 10 best.test"}));
  EXPECT_EQ(count_of("step 4 of 10; validation: total 0", log()), 1);
  EXPECT_EQ(lines_of(run / "timing.csv").size(), 3u);
}

TEST_F(RunLength, ARunOutOfPatienceHasEnded) {
  total_after = [](std::uint64_t step) { return step <= 10 ? 1.0 / static_cast<double>(step) : 1; };
  EXPECT_EQ(train({"--epochs", "9", "--patience", "2", "--log-every", "100"}), Ending::complete);
  EXPECT_EQ(linked("last"), 20u);
  EXPECT_EQ(linked("best"), 10u);
  EXPECT_EQ(rows("metrics.csv"), (Texts{"0 5 validation", "1 10 validation", "2 15 validation",
                                        "3 20 validation", "3 20 test", "3 20 best.test"}));
  EXPECT_EQ(count_of("no better total in 2 evaluations: the run ends after step 20 of 45\n", log()),
            1);
  const auto whole = contents();
  EXPECT_EQ(read_run(run).status, RunStatus::complete);
  EXPECT_EQ(read_run(run).length, 45u);
  EXPECT_EQ(resume({}), Ending::complete);
  EXPECT_EQ(made.script.calls, (Texts{"start", "parameters changed"}));
  EXPECT_EQ(difference(whole), "");
  for (const std::uint64_t step : {5u, 12u, 15u, 19u}) {
    train({"--force", "--epochs", "9", "--patience", "2", "--log-every", "100"}, step);
    EXPECT_EQ(read_run(run).status, RunStatus::stopped);
    resume({});
    EXPECT_EQ(difference(whole), "") << step;
  }
}

// Every way to come to the same length gives the same bytes.
TEST_F(RunLength, ALengthenedRunIsAsIfItHadThatLengthFromTheStart) {
  const std::vector<Arguments> ways{
      {"--log-every", "3", "--gradients-every", "0"},
      {"--validate-every", "4", "--keep", "1", "--best", "kind.accuracy", "--best", "total"},
      {"--validate-every", "3", "--keep", "9", "--checkpoint-every", "4", "--best", "train.total",
       "--diagnose", "4"},
      {"--patience", "3", "--validate-every", "2"}};
  for (const Arguments& way : ways) {
    SCOPED_TRACE(way[0] + " " + way[1]);
    train(joined(way, {"--force", "--steps", "19"}));
    const auto whole = contents();
    const std::string diagnostics = read_text(run / "diagnostics.csv");
    const auto best = linked("best");
    for (const std::uint64_t first : {7u, 10u}) {
      SCOPED_TRACE(first);
      train(joined(way, {"--force", "--steps", std::to_string(first)}));
      EXPECT_EQ(resume({"--steps", "19"}), Ending::complete);
      EXPECT_EQ(difference(whole), "");
      EXPECT_EQ(linked("best"), best);
      EXPECT_EQ(read_text(run / "diagnostics.csv"), diagnostics);
    }
    // Stopped before its end, lengthened, stopped again.
    train(joined(way, {"--force", "--steps", "9"}), 6);
    resume({"--steps", "12"}, 7);
    resume({});
    resume({"--steps", "19"}, 13);
    resume({});
    EXPECT_EQ(difference(whole), "");
    // Killed when config.ini was written, and no checkpoint yet.
    train(joined(way, {"--force", "--steps", "8"}));
    std::string config = read_text(run / "config.ini");
    config.replace(config.find("steps = 8"), 9, "steps = 19");
    write_text(run / "config.ini", config);
    resume({});
    EXPECT_EQ(difference(whole), "");
  }
}

// An evaluation that only the end of the shorter run made was better: what was the best before it
// is so again.
TEST_F(RunLength, TheBestOfALongerRunIsKept) {
  total_after = [](std::uint64_t step) { return step == 4 ? 1.0 : step == 7 ? 0.0 : 2.0; };
  const Arguments way{"--force", "--validate-every", "4", "--keep", "1"};
  train(joined(way, {"--steps", "19"}));
  const auto whole = contents();
  EXPECT_EQ(linked("best"), 4u);
  train(joined(way, {"--steps", "7"}));
  EXPECT_EQ(linked("best"), 7u);
  EXPECT_EQ(resume({}), Ending::complete);
  EXPECT_EQ(checkpoints(), (Steps{4, 7}));
  resume({"--steps", "19"});
  EXPECT_EQ(linked("best"), 4u);
  EXPECT_EQ(difference(whole), "");
}

TEST_F(RunLength, EpochsTakeThePlaceOfSteps) {
  train({"--epochs", "4", "--seed", "2"});
  const auto whole = contents();
  train({"--force", "--steps", "7", "--seed", "2"});
  resume({"--epochs", "4"});
  EXPECT_EQ(difference(whole), "");
  EXPECT_EQ(read_text(run / "config.ini").find("steps ="), std::string::npos);
}

TEST_F(RunLength, PatienceCanBeRaised) {
  const Arguments options{"--epochs", "9", "--log-every", "100"};
  total_after = [](std::uint64_t step) { return step == 5 ? 0.5 : step == 25 ? 0.25 : 1.0; };
  train(joined(options, {"--patience", "5"}));
  const auto whole = contents();
  EXPECT_EQ(linked("last"), 45u);
  train(joined(options, {"--force", "--patience", "2"}));
  EXPECT_EQ(linked("last"), 15u);
  resume({"--patience", "3"});
  EXPECT_EQ(linked("last"), 20u);
  resume({"--epochs", "9"});  // its patience is at an end still
  EXPECT_EQ(linked("last"), 20u);
  EXPECT_ERROR(resume({"--patience", "2"}), "2: ...is a run of --patience 3");
  resume({"--patience", "5"});
  EXPECT_EQ(difference(whole), "");
}

TEST_F(RunLength, WhatHasNoMeaningIsRefused) {
  train({"--epochs", "2"});
  const auto before = contents();
  const std::string config = read_text(run / "config.ini");
  EXPECT_ERROR(resume({"--epochs", "1"}), "2: ...is a run of 10 steps; ...not cut to 5");
  EXPECT_ERROR(resume({"--patience", "3"}), "2: ...is a run of --patience 0");
  EXPECT_ERROR(resume({"--lr", "3"}), "2: --lr cannot be given with --resume");
  EXPECT_EQ(contents(), before);
  EXPECT_EQ(read_text(run / "config.ini"), config);
  write_text(run / "config.ini",
             std::string(config).replace(config.find("epochs = 2"), 10, "epochs = 1"));
  EXPECT_ERROR(resume({}), "3: ...10 steps are done already, but config.ini asks for 5");
  for (const Arguments& more : {Arguments{"--schedule", "one-cycle"}, Arguments{"--warm-up", "0.2"},
                                Arguments{"--schedule", "step:0.1@0.5"}}) {
    train(joined(more, {"--force", "--epochs", "2"}), 3);
    EXPECT_ERROR(resume({"--epochs", "3"}),
                 "2: ...was laid out for 10 steps by the schedule ...in a run of 15 its first 3 "
                 "...--with-optimizer");
    EXPECT_EQ(resume({"--epochs", "2"}), Ending::complete);
  }
}

TEST_F(RunLength, QuietSaysErrorsAlone) {
  EXPECT_EQ(train({"--epochs", "2", "--quiet"}), Ending::complete);
  EXPECT_EQ(said, "");
  EXPECT_EQ(count_of("epoch 2 of 2", log()), 1);
  made.script.diverges_at = 3;
  EXPECT_EQ(train({"--force", "--epochs", "2", "--quiet"}), Ending::diverged);
  EXPECT_EQ(said.find("medley-scripted: diverged at step 4"), 0u);
  EXPECT_EQ(read_run(run).status, RunStatus::diverged);
}

}  // namespace
}  // namespace medley::testing
