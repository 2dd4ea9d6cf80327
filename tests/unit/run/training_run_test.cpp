// The loop of a training, around an engine that computes nothing: what is asked of it and when, what
// is logged and said, which checkpoints there are, and what is left where it diverges.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "tests/training_loop.hpp"

namespace medley::testing {
namespace {

namespace fs = std::filesystem;

TEST_F(TrainingLoop, LogsEveryNthStepTheLastOneAndThoseThatAreMeasured) {
  EXPECT_EQ(train({"--epochs", "2", "--log-every", "3"}), Ending::complete);
  EXPECT_EQ(rows("losses.csv"),
            (Texts{"0 1 train +", "0 4 train", "0 5 validation", "1 6 train +", "1 7 train",
                   "1 10 train", "1 10 validation", "1 10 test", "1 10 best.test"}));
  EXPECT_EQ(rows("metrics.csv"),
            (Texts{"0 5 validation", "1 10 validation", "1 10 test", "1 10 best.test"}));

  EXPECT_EQ(train({"--force", "--steps", "9", "--log-every", "4", "--gradients-every", "3"}),
            Ending::complete);
  EXPECT_EQ(rows("losses.csv"),
            (Texts{"0 1 train +", "0 4 train +", "0 5 train", "0 5 validation", "1 7 train +",
                   "1 9 train", "1 9 validation", "1 9 test", "1 9 best.test"}));

  EXPECT_EQ(train({"--force", "--steps", "2", "--log-every", "7", "--gradients-every", "0"}),
            Ending::complete);
  EXPECT_EQ(rows("losses.csv"),
            (Texts{"0 1 train", "0 2 train", "0 2 validation", "0 2 test", "0 2 best.test"}));
}

TEST_F(TrainingLoop, RowsHaveWhatTheEngineReports) {
  made.script.validation = {not_a_number};
  made.script.measured = false;
  train({"--steps", "2", "--log-every", "1", "--schedule", "cosine", "--weight", "kind=3"});
  const Texts lines = lines_of(run / "losses.csv");
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0],
            "epoch,step,split,total,kind.value,kind.weight,kind.gradient_norm,decay.value,"
            "decay.weight,decay.gradient_norm,cosine.kind.decay");
  EXPECT_EQ(lines[1], "0,1,train,0.5,,3,0.5,0.25,0.5,0.125,-0.5");
  EXPECT_EQ(lines[2], "0,2,train,1.25,,3,,0.25,0.5,,");  // half the rate after half the steps
  EXPECT_EQ(lines[3], "0,2,validation,,2,3,,0.25,0.5,,");
  EXPECT_EQ(lines[4], "0,2,test,3,2,3,,0.25,0.5,,");
  EXPECT_EQ(lines_of(run / "metrics.csv")[1].substr(0, 21), "0,2,validation,0.8333");
}

TEST_F(TrainingLoop, MeasuresBeforeAStepAndEvaluatesAfterAnEpoch) {
  made.script.batches = 2;
  train({"--steps", "3"});
  EXPECT_EQ(made.script.calls,
            (Texts{"start", "initialize", "measure 0: 0, 0, 0", "step 0: 0, 0, 0",
                   "step 1: 0, 1, 1", "evaluate validation", "measure 2: 1, 0, 2",
                   "step 2: 1, 0, 2", "evaluate validation", "evaluate test", "parameters changed",
                   "evaluate test", "parameters changed"}));  // of the best, and the last again
}

TEST_F(TrainingLoop, EvaluatesSplitsThatHaveRecordsOnly) {
  made.source.sizes = {10, 0, 3};
  EXPECT_EQ(train({"--epochs", "2", "--log-every", "100"}), Ending::complete);
  EXPECT_EQ(rows("metrics.csv"), (Texts{"1 10 test"}));
  EXPECT_EQ(linked("best"), std::nullopt);
  made.source.sizes = {10, 4, 0};
  EXPECT_EQ(train({"--force", "--epochs", "2"}), Ending::complete);
  EXPECT_EQ(rows("metrics.csv"), (Texts{"0 5 validation", "1 10 validation"}));
  EXPECT_EQ(linked("best"), 5u);
  made.source.sizes = {0, 4, 3};
  EXPECT_ERROR(train({"--force"}), "3: ...no record is of the training split");
}

TEST_F(TrainingLoop, TheBestIsTheFirstOfTheLowestTotals) {
  made.script.validation = {3, not_a_number, 2, 2, 4};
  train({"--epochs", "5", "--keep", "9"});
  EXPECT_EQ(linked("best"), 15u);
  EXPECT_EQ(linked("last"), 25u);
  EXPECT_EQ(state_of(5).best.step, 5u);
  EXPECT_EQ(state_of(10).best.value[0], 3.0);
  EXPECT_EQ(state_of(25).best.step, 15u);
  EXPECT_EQ(state_of(25).best.value[0], 2.0);
  EXPECT_EQ(count_of("no checkpoint is the best", log()), 1);
  // Later ones that are as low do not take its place, and a negative total is lower than any other.
  made.script.validation = {0.5, -1, 0};
  train({"--force", "--epochs", "3", "--keep", "1"});
  EXPECT_EQ(linked("best"), 10u);
  EXPECT_EQ(checkpoints(), (Steps{10, 15}));
}

TEST_F(TrainingLoop, TotalsThatAreNoNumberMakeNoBest) {
  for (const double total : {not_a_number, std::numeric_limits<double>::infinity()}) {
    made.script.validation = {total};
    EXPECT_EQ(train({"--force", "--epochs", "3"}), Ending::complete);
    EXPECT_EQ(linked("best"), std::nullopt) << total;
    EXPECT_EQ(state_of(15).best.step, 0u);
  }
  made.script.validation = {not_a_number};
  train({"--force", "--epochs", "3"});
  EXPECT_EQ(count_of("no checkpoint is the best", log()), 1);
}

TEST_F(TrainingLoop, WritesCheckpointsAsPlanned) {
  train({"--epochs", "2"});
  EXPECT_EQ(checkpoints(), (Steps{5, 10}));
  train({"--force", "--steps", "7"});
  EXPECT_EQ(checkpoints(), (Steps{5, 7}));
  train({"--force", "--epochs", "2", "--checkpoint-every", "4", "--keep", "9"});
  EXPECT_EQ(checkpoints(), (Steps{4, 5, 8, 10}));
  for (const std::uint64_t step : checkpoints()) {
    float parameter = 0;
    EXPECT_EQ(state_of(step, &parameter).position.step, step);
    EXPECT_EQ(parameter, static_cast<float>(step * (step + 1) / 2));
  }
  train({"--force", "--epochs", "2", "--checkpoint-every", "4", "--keep", "1"});
  EXPECT_EQ(checkpoints(), (Steps{5, 10}));  // 5 is the best
}

TEST_F(TrainingLoop, CheckpointsKnowTheRowsOfTheirStep) {
  train({"--epochs", "2", "--log-every", "1"});
  const std::string losses = read_text(run / "losses.csv");
  const std::string metrics = read_text(run / "metrics.csv");
  const RunState middle = state_of(5), end = state_of(10);
  EXPECT_EQ(losses.substr(middle.losses_bytes, 10), "1,6,train,");
  EXPECT_EQ(metrics.substr(middle.metrics_bytes, 5), "1,10,");
  EXPECT_EQ(end.losses_bytes, losses.size());
  EXPECT_EQ(end.metrics_bytes, metrics.size());
}

// As medley/run/checkpoint.hpp tells them to whoever reads these files elsewhere.
TEST_F(TrainingLoop, CheckpointsNameTheirFields) {
  train({"--steps", "3"});
  const SafetensorsFile file(run / "last");
  Texts names;
  for (const auto& [name, value] : file.metadata()) {
    if (!name.starts_with("option.")) names.push_back(name);
  }
  EXPECT_EQ(names, (Texts{"batch",
                          "best.step",
                          "best.total",
                          "best.waited",
                          "bytes.diagnostics",
                          "bytes.losses",
                          "bytes.metrics",
                          "classes.kind",
                          "data",
                          "end",
                          "end.length",
                          "end.patience",
                          "epoch",
                          "experiment",
                          "fingerprint",
                          "longer.best.step",
                          "longer.best.total",
                          "longer.best.waited",
                          "longer.bytes.losses",
                          "longer.bytes.metrics",
                          "medley",
                          "medley.checksum",
                          "rounds",
                          "seed",
                          "step",
                          "updates.all"}));
  EXPECT_EQ(*file.metadata("option.weight.decay"), "0.5");
  EXPECT_EQ(*file.metadata("step"), "3");
  EXPECT_EQ(*file.metadata("data"), "0123456789abcdef");
  EXPECT_EQ(*file.metadata("bytes.losses"), std::to_string(fs::file_size(run / "losses.csv")));
  Texts tensors;
  for (const SafetensorsFile::Tensor& tensor : file.tensors()) tensors.push_back(tensor.name);
  std::ranges::sort(tensors);
  EXPECT_EQ(tensors, (Texts{"input.deviation", "input.mean", "trunk.0.weight"}));
}

TEST_F(TrainingLoop, NoStepsLeaveTheInitialParameters) {
  EXPECT_EQ(train({"--steps", "0"}), Ending::complete);
  EXPECT_EQ(made.script.calls, (Texts{"start", "initialize"}));
  EXPECT_EQ(checkpoints(), (Steps{0}));
  EXPECT_EQ(linked("last"), 0u);
  EXPECT_EQ(linked("best"), std::nullopt);
  EXPECT_EQ(rows("losses.csv"), Texts{});
}

TEST_F(TrainingLoop, DivergenceKeepsTheLastCheckpointAndNamesTheBatch) {
  made.script.diverges_at = 6;
  EXPECT_EQ(train({"--epochs", "2", "--log-every", "1"}), Ending::diverged);
  EXPECT_EQ(read_text(run / "diverged.csv"), "record\r\n10\r\n17\r\n");
  EXPECT_EQ(checkpoints(), (Steps{5}));
  EXPECT_EQ(linked("last"), 5u);
  EXPECT_EQ(rows("losses.csv").back(), "1 6 train +");
  EXPECT_TRUE(holds(said,
                    "...diverged at step 7 (epoch 2 of 2): the term 'kind' is not finite; ..."
                    "the last good checkpoint is kept"))
      << said;

  made.script.diverges_at = 0;
  EXPECT_EQ(train({"--force", "--epochs", "2"}), Ending::diverged);
  EXPECT_EQ(checkpoints(), Steps{});
  EXPECT_EQ(made.script.calls.back(), "step 0: 0, 0, 0");
  EXPECT_TRUE(holds(said, "...diverged at step 1 ...no checkpoint had been written yet")) << said;
}

// A round takes two of five batches: the third of an epoch goes past its end.
TEST_F(TrainingLoop, EpochsEndInTheMiddleOfARound) {
  made.script.batches_a_round = 2;
  train({"--epochs", "2", "--log-every", "1"});
  EXPECT_EQ(rows("losses.csv"),
            (Texts{"0 1 train +", "0 2 train", "0 3 train", "0 3 validation", "1 4 train +",
                   "1 5 train", "1 6 train", "1 6 validation", "1 6 test", "1 6 best.test"}));
  EXPECT_EQ(checkpoints(), (Steps{3, 6}));
  EXPECT_EQ(state_of(3).position.epoch, 1u);
  EXPECT_EQ(state_of(3).position.batch, 0u);
  EXPECT_EQ(made.script.calls[5], "step 2: 0, 4, 2");
}

TEST_F(TrainingLoop, EveryEpochCountsItsOwnRecords) {
  train({"--steps", "7"});
  const Texts lines = lines_of(run / "timing.csv");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(holds(lines[1], "0,5,...,50,")) << lines[1];
  EXPECT_TRUE(holds(lines[2], "1,7,...,20,")) << lines[2];
  EXPECT_TRUE(holds(log(),
                    "...epoch 1 of 2: ...validation: total 1, kind.accuracy 0.8333..."
                    "epoch 2 of 2: "))
      << log();
}

// --- what is said --------------------------------------------------------------------------------

constexpr std::string_view begins = "warning: the term 'kind' begins at 5, guessing gives 0.75";

TEST_F(TrainingLoop, AFirstLossFarAboveGuessingIsSaidOnce) {
  made.script.kind = 5.0;
  train({"--epochs", "2"}, 1);
  EXPECT_EQ(count_of(begins, log()), 1);
  EXPECT_EQ(count_of(begins, said), 1);
  train({"--resume"});
  EXPECT_EQ(count_of(begins, log()), 1);
  EXPECT_EQ(count_of(begins, said), 0);
  // Weights of another training may begin anywhere.
  const std::string last = (run / "last").string();
  run = folder / "other";
  train({"--epochs", "1", "--init", last});
  EXPECT_EQ(count_of("begins at", log()), 0);
}

TEST_F(TrainingLoop, NothingIsSaidOfAFirstLossThatIsNotKnownOrAsItShould) {
  made.script.kind = 1.5;
  train({"--epochs", "1"});
  EXPECT_EQ(count_of("begins at", log()), 0);
  made.script.kind = 5.0;
  made.script.measured = false;
  train({"--force", "--epochs", "1"});
  EXPECT_EQ(count_of("begins at", log()), 0);
}

TEST_F(TrainingLoop, WarningsOfTheDataGoToTheLog) {
  train({"--epochs", "1"});
  EXPECT_EQ(count_of("warning", log()), 0) << log();
  made.source.classes = {1, 1};
  made.source.sizes = {10, 4, 0};
  train({"--force", "--epochs", "1"});
  for (const std::string& text : {log(), said}) {
    EXPECT_EQ(count_of("warning: the test split is empty", text), 1) << text;
    EXPECT_EQ(count_of("warning: target 'kind': class 0 never occurs", text), 1) << text;
  }
}

TEST_F(TrainingLoop, ABeginningTellsWhatIsTrained) {
  train({"--epochs", "2", "--weight", "kind=3", "--mix", "blend:a=0.25"});
  EXPECT_TRUE(holds(log(),
                    "medley-scripted: ...scripted\n...records: 10 train, 4 validation, 3 "
                    "test; batch 2, 10 steps, schedule constant\n...group all: sgd at 0.1, "
                    "mix blend:a=0.25: kind x 3 decay x 0.5\n"))
      << log();
  EXPECT_EQ(made.script.settings.mix[0].mix.type(), "blend");
  EXPECT_EQ(made.script.settings.mix[0].mix.get(0), 0.25);
}

TEST_F(TrainingLoop, AWrongNumberForTheMixLeavesNothingBehind) {
  EXPECT_ERROR(train({"--mix", "blend:b=0.5"}), "2: --mix blend:b=0.5: 'b=0.5' is no number of");
  EXPECT_ERROR(train({"--mix", "blend:a=1.5"}), "2: --mix blend:a=1.5: ");
  EXPECT_FALSE(fs::exists(run));
}

TEST_F(TrainingLoop, ResultsAreOfTheLastParametersAndOfTheBest) {
  made.script.validation = {1, 2};
  const auto results = [&](Arguments arguments) {
    arguments.insert(arguments.begin(), {"--out", run.string()});
    made.script.calls.clear();
    const Session session(made.program, "scripted");
    TrainingRun training(session, parse_train_options(arguments, made.description));
    ::testing::internal::CaptureStderr();
    ::testing::internal::CaptureStdout();
    training.train();
    training.print_results();
    std::fflush(stdout);
    (void)::testing::internal::GetCapturedStderr();
    return ::testing::internal::GetCapturedStdout();
  };
  const std::string rows = results({"--epochs", "2"});
  EXPECT_EQ(std::ranges::count(made.script.calls, "evaluate test"), 2);
  EXPECT_TRUE(holds(rows,
                    "name,value\n...steps,10\n...validation.total,2\n...\ntest.total,55\n..."
                    "best.step,5\nbest.test.total,15\n"))
      << rows;
  EXPECT_EQ(read_text(run / "confusion-kind-test.csv"), "true,0,1\r\n0,3,1\r\n1,0,2\r\n");
  const std::string csv = read_text(run / "test.csv");
  const Texts test = lines_of(run / "test.csv");
  EXPECT_EQ(test[0], "name,value,standard_error,low,high");
  EXPECT_EQ(test[1].substr(0, 14), "test.total,55,");
  EXPECT_EQ(test[2].substr(0, 17), "test.term.kind,2,");
  EXPECT_EQ(test[test.size() / 2 + 1].substr(0, 19), "best.test.total,15,");
  // Wilson's interval of 5 of 6.
  EXPECT_TRUE(holds(test[4], "test.kind.accuracy,0.8333...,0.152...,0.436...,0.969...")) << test[4];
  // Closed by another process, it is measured again; made.script goes on with the last total.
  made.script.validation = {2};
  EXPECT_EQ(results({"--resume"}), rows);
  EXPECT_EQ(read_text(run / "test.csv"), csv);
  EXPECT_TRUE(
      holds(results({"--force", "--steps", "0"}), "name,value\n...steps,0\n...test.total,0"));
  EXPECT_EQ(results({"--force", "--steps", "0"}).find("best"), std::string::npos);
}

}  // namespace
}  // namespace medley::testing
