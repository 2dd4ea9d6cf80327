// Trainings that were stopped, around an engine that computes nothing: what they leave, and how they
// go on.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "tests/training_loop.hpp"

namespace medley::testing {
namespace {

class StoppedTraining : public TrainingLoop {};

TEST_F(StoppedTraining, ResumingGoesOnWhereItStopped) {
  const Arguments options{
      "--epochs",   "3",      "--log-every",       "2", "--keep", "9", "--seed", "3",
      "--schedule", "cosine", "--gradients-every", "3"};
  made.script.batches_a_round = 2;
  made.script.batches = 7;  // four rounds, twelve steps
  made.script.validation = {2, 2, 2};
  ASSERT_EQ(train(options), Ending::complete);
  const auto whole = contents();
  ASSERT_EQ(checkpoints(), (Steps{4, 8, 12}));
  for (const std::uint64_t step : {1u, 4u, 6u, 7u, 11u}) {
    SCOPED_TRACE(step);
    Arguments stopping = options;
    stopping.push_back("--force");
    ASSERT_EQ(train(stopping, step), Ending::stopped);
    EXPECT_EQ(linked("last"), step);
    EXPECT_EQ(state_of(step).position.batch, step % 4 * 2);
    EXPECT_EQ(state_of(step).position.updates[0], step);
    ASSERT_EQ(train({"--resume"}), Ending::complete);
    const std::string first = made.script.calls[2];
    EXPECT_EQ(made.script.calls[0], "start");
    EXPECT_EQ(made.script.calls[1], "parameters changed");
    const std::string position = std::to_string(step) + ": " + std::to_string(step / 4) + ", " +
                                 std::to_string(step % 4 * 2) + ", " + std::to_string(step);
    EXPECT_EQ(first, (step % 3 == 0 ? "measure " : "step ") + position);
    EXPECT_EQ(contents(), whole);
    EXPECT_EQ(linked("best"), 4u);
    EXPECT_EQ(count_of("resuming after step " + std::to_string(step) + "\n", log()), 1);
  }
}

TEST_F(StoppedTraining, StoppingWhereACheckpointIsPlannedWritesItOnce) {
  made.script.validation = {2, 1};
  EXPECT_EQ(train({"--epochs", "2", "--keep", "1"}, 5), Ending::stopped);
  EXPECT_EQ(made.source.asked, 1);
  EXPECT_EQ(linked("best"), 5u);
  EXPECT_EQ(rows("metrics.csv"), (Texts{"0 5 validation"}));
  // One that was not planned goes with the next.
  EXPECT_EQ(train({"--force", "--epochs", "3", "--keep", "9"}, 7), Ending::stopped);
  EXPECT_EQ(checkpoints(), (Steps{5, 7}));
  EXPECT_EQ(linked("best"), 5u);
  EXPECT_EQ(train({"--resume"}), Ending::complete);
  EXPECT_EQ(checkpoints(), (Steps{5, 10, 15}));
}

TEST_F(StoppedTraining, ARunThatEndedBeforeItsFirstCheckpointBeginsAnew) {
  made.script.diverges_at = 2;
  ASSERT_EQ(train({"--epochs", "1"}), Ending::diverged);
  made.script.diverges_at = std::nullopt;
  EXPECT_EQ(train({"--resume"}), Ending::complete);
  EXPECT_EQ(made.script.calls[1], "initialize");
  EXPECT_EQ(rows("losses.csv"),
            (Texts{"0 1 train +", "0 5 train", "0 5 validation", "0 5 test", "0 5 best.test"}));
}

TEST_F(StoppedTraining, ARunThatIsCompleteHasNothingToGoOnWith) {
  train({"--epochs", "1"});
  const auto before = contents();
  EXPECT_EQ(train({"--resume"}), Ending::complete);
  EXPECT_EQ(made.script.calls, (Texts{"start", "parameters changed"}));
  EXPECT_EQ(contents(), before);
}

// What a process returns that runs f, which is not seen here.
template <class F>
int in_a_process(F&& f) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      ::_exit(f() ? 0 : 1);
    } catch (...) {
      ::_exit(99);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_F(StoppedTraining, ASignalStopsItAfterTheStep) {
  made.script.after_step = [](std::uint64_t step) {
    if (step == 3) std::raise(SIGTERM);
  };
  EXPECT_EQ(in_a_process([&] {
              return train({"--epochs", "2"}) == Ending::stopped &&
                     holds(said, "...stopping after this step");
            }),
            0);
  EXPECT_EQ(checkpoints(), (Steps{3}));
  EXPECT_EQ(linked("last"), 3u);
  made.script.after_step = nullptr;
  EXPECT_EQ(train({"--resume"}), Ending::complete);
  EXPECT_EQ(checkpoints(), (Steps{5, 10}));
}

TEST_F(StoppedTraining, WhatOneTrainingKeepsToItselfTheNextOneSays) {
  train({"--epochs", "1", "--quiet"});
  made.script.after_step = [](std::uint64_t step) {
    if (step == 3) std::raise(SIGTERM);
  };
  EXPECT_EQ(in_a_process([&] {
              train({"--epochs", "2", "--force"});
              return holds(said, "...stopping after this step");
            }),
            0);
}

TEST_F(StoppedTraining, ASecondSignalEndsItAtOnce) {
  made.script.after_step = [](std::uint64_t step) {
    if (step == 3) std::raise(SIGTERM);
    if (step == 3) std::raise(SIGINT);
  };
  EXPECT_EQ(in_a_process([&] {
              return train({"--epochs", "2"}) == Ending::stopped;
            }),
            128 + SIGINT);
  EXPECT_EQ(checkpoints(), Steps{});
}

}  // namespace
}  // namespace medley::testing
