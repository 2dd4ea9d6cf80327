// The loop of steps around an engine that only counts.
#include "medley/engine/loop.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace medley {
namespace {

struct CountingEngine {
  std::uint64_t rounds = 4, diverges_at = 1000;
  std::vector<double> factors;

  std::uint64_t rounds_per_epoch() const { return rounds; }
  void step(Position& position, double factor, StepReport& report) {
    report = {};
    factors.push_back(factor);
    report.total = static_cast<double>(position.step);
    if (position.step == diverges_at) {
      report.diverged = true;
      return;
    }
    ++position.step;
  }
  void measure_gradients(const Position& position, GradientReport& report) {
    report.norm[0] = static_cast<double>(position.step) + 0.5;
  }
};

// Notes "step before: total", where an epoch ends and what was measured.
struct Notes {
  std::uint64_t stops_after = 1000;
  std::vector<std::string> lines;

  bool wants_gradients(const Position& position) const { return position.step % 3 == 2; }
  bool after(const StepDone& done) {
    std::string line = std::to_string(done.before.step) + ": " +
                       std::to_string(static_cast<int>(done.report.total));
    if (done.report.diverged) line += " diverged";
    if (done.gradients)
      line += " norm " + std::to_string(static_cast<int>(done.gradients->norm[0]));
    if (done.ends_epoch) line += " epoch";
    lines.push_back(line);
    return lines.size() != stops_after;
  }
};

using Lines = std::vector<std::string>;

TEST(Loop, TellsOfEveryStepAndOfTheEndsOfEpochs) {
  CountingEngine engine;
  Notes notes;
  Position position;
  const Schedule schedule = Schedule::cosine();
  EXPECT_EQ(run_steps(engine, position, 6, schedule, notes), Ending::complete);
  EXPECT_EQ(notes.lines,
            (Lines{"0: 0", "1: 1", "2: 2 norm 2", "3: 3 epoch", "4: 4", "5: 5 norm 5 epoch"}));
  ASSERT_EQ(engine.factors.size(), 6u);
  for (std::uint64_t s = 0; s < 6; ++s) EXPECT_EQ(engine.factors[s], schedule.factor(s, 6));
}

TEST(Loop, GoesOnWhereItWasStopped) {
  CountingEngine engine;
  Notes notes;
  notes.stops_after = 3;
  Position position;
  EXPECT_EQ(run_steps(engine, position, 6, Schedule::cosine(), notes), Ending::stopped);
  EXPECT_EQ(position.step, 3u);
  EXPECT_EQ(run_steps(engine, position, 6, Schedule::cosine(), notes), Ending::complete);
  EXPECT_EQ(notes.lines.size(), 6u);
  EXPECT_EQ(notes.lines[3], "3: 3 epoch");
  EXPECT_EQ(engine.factors[4], Schedule::cosine().factor(4, 6));
  EXPECT_EQ(run_steps(engine, position, 6, Schedule::cosine(), notes), Ending::complete);
  EXPECT_EQ(notes.lines.size(), 6u);
}

TEST(Loop, EndsWhereAStepDiverges) {
  CountingEngine engine;
  engine.diverges_at = 2;
  Notes notes;
  Position position;
  EXPECT_EQ(run_steps(engine, position, 6, Schedule::constant(), notes), Ending::diverged);
  EXPECT_EQ(notes.lines, (Lines{"0: 0", "1: 1", "2: 2 diverged norm 2"}));
}

}  // namespace
}  // namespace medley
