// One engine made of several: the others are asked for what the first is asked for, in this order.
#include "medley/processes/shared_engine.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "medley/processes/serve.hpp"
#include "tests/files_helpers.hpp"
#include "tests/process_group.hpp"
#include "tests/scripted_engine.hpp"

namespace medley::testing {
namespace {

using Arguments = std::vector<std::string>;
using Bytes = std::vector<std::uint8_t>;

// Of the thread that makes an engine, as each thread is a process here.
thread_local Script* script_here = nullptr;

// A process: a script, an arena and a program of its own. Pictures are named by their first pixel.
struct Process {
  Script script;
  ScriptedSource source;
  Description description = scripted_description();
  alignas(128) std::array<float, lanes> arena{};
  Program program{.description = description,
                  .arena = arena,
                  .generator = &source,
                  .variants = {{"scripted", make_engine, true}}};
  Process() {
    script.predict_batch = 2;
    script.predict = [](std::span<const Record> records, std::span<float* const> outputs) {
      for (std::size_t i = 0; i < records.size(); ++i) {
        const float pixel = *static_cast<const std::uint8_t*>(records[i].image.data());
        outputs[0][2 * i] = pixel;
        outputs[0][2 * i + 1] = -pixel;
      }
    };
  }
  static std::unique_ptr<Engine> make_engine(float* arena) {
    return std::make_unique<ScriptedEngine>(arena, *script_here);
  }
};

// Runs f(engine) in the first of `count` processes, of which each has arguments; returns the calls of all.
template <class F>
std::vector<std::vector<std::string>> shared(int count, const std::vector<Arguments>& arguments,
                                             F&& f) {
  std::deque<Process> all(static_cast<std::size_t>(count));
  ProcessGroup group(count);
  group.run([&](Processes& processes) {
    const auto rank = static_cast<std::size_t>(processes.rank());
    Process& own = all[rank];
    script_here = &own.script;
    if (rank > 0) return serve(own.program, processes, arguments[rank % arguments.size()]);
    f(
        [&] {
          return SharedEngine(Process::make_engine(own.arena.data()), own.description, processes,
                              arguments[0]);
        },
        own);
    send_request(processes, {.action = Action::finish});
  });
  std::vector<std::vector<std::string>> calls;
  for (const Process& process : all) calls.push_back(process.script.calls);
  return calls;
}

Settings settings_of(const Process& process) {
  Settings settings;
  settings.source = &process.source;
  settings.weight = {1.0, 0.5};
  settings.mix[0].mix = Blend{};
  return settings;
}

TEST(SharedEngine, TheOthersDoWhatTheFirstDoes) {
  const auto calls = shared(3, {{"train", "--threads", "1"}}, [](auto&& open, Process& own) {
    SharedEngine engine = open();
    engine.start(settings_of(own));
    engine.initialize();
    Position position;
    StepReport report;
    for (int s = 0; s < 2; ++s) engine.step(position, 0.5, report);
    EXPECT_EQ(position.step, 2u);
    EXPECT_EQ(report.total, 1.25);
    GradientReport gradients;
    engine.measure_gradients(position, gradients);
    std::vector<float> memory(engine.diagnosis_floats());
    engine.keep_parameters(memory);
    Diagnosis diagnosis;
    engine.diagnose(position, memory, report, 0.25, diagnosis);
    Evaluation evaluation;
    engine.evaluate(Split::validation, evaluation);
    engine.parameters_changed();
    EXPECT_EQ(engine.processes(), 3);
    EXPECT_EQ(engine.predict_batch(), 6u);
  });
  EXPECT_EQ(calls[0].size(), 8u);
  EXPECT_EQ(calls[1], calls[0]);
  EXPECT_EQ(calls[2], calls[0]);
}

TEST(SharedEngine, PredictionsAreSharedOutAndComeBackInOrder) {
  for (const std::size_t records : {1u, 2u, 7u, 12u}) {
    const auto calls = shared(4, {{"predict", "--threads", "1"}}, [&](auto&& open, Process& own) {
      SharedEngine engine = open();
      engine.start(settings_of(own));
      Bytes pictures(records * 4);
      std::vector<Record> asked(records);
      for (std::size_t i = 0; i < records; ++i) {
        pictures[4 * i] = static_cast<std::uint8_t>(100 + i);
        asked[i].image = &pictures[4 * i];
      }
      std::vector<float> outputs(2 * records);
      float* const places[]{outputs.data()};
      engine.predict(asked, places);
      for (std::size_t i = 0; i < records; ++i) {
        EXPECT_EQ(outputs[2 * i], 100.0f + static_cast<float>(i));
        EXPECT_EQ(outputs[2 * i + 1], -100.0f - static_cast<float>(i));
      }
    });
    std::size_t others = 0;
    for (const auto& of : calls) others += std::ranges::count(of, "predict 3");
    EXPECT_EQ(others, records == 12 ? 4u : 0u);
  }
}

// What all are told of is what was told in each.
TEST(SharedEngine, ObserversHearAllProcesses) {
  struct Count final : RecordObserver {
    int losses = 0;
    void loss(std::uint64_t, int, double value, double weight) override {
      EXPECT_EQ(value, 4.0);
      EXPECT_EQ(weight, 2.0);
      ++losses;
    }
    void loss_sums(std::uint64_t, int, std::span<const double>) override {}
    void predicted(std::uint64_t, int, int, int, std::uint64_t) override {}
    void scored(std::uint64_t, int, const Score&) override {}
    void erred(std::uint64_t, int, double, double, int) override {}
  };
  shared(3, {{"eval"}}, [](auto&& open, Process& own) {
    SharedEngine engine = open();
    engine.start(settings_of(own));
    Count count;
    Evaluation evaluation;
    engine.evaluate(Split::test, evaluation, &count);
    EXPECT_EQ(count.losses, 3 * 3);
  });
}

TEST(SharedEngine, RefusesProcessesThatAreCalledOtherwise) {
  const auto calls = shared(3, {{"train"}, {"train"}, {"eval"}}, [](auto&& open, Process&) {
    try {
      open();
      ADD_FAILURE() << "opened";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Exit::usage);
      EXPECT_EQ(std::string(error.what()),
                "process 3 of 3: its options say eval where those of the first process say train: "
                "processes that train together are called alike");
    }
  });
  for (const auto& of : calls) EXPECT_TRUE(of.empty());
}

TEST(SharedEngine, SessionsFollowEachOther) {
  const auto calls = shared(2, {{"tune", "--threads", "1"}}, [](auto&& open, Process& own) {
    for (int session = 0; session < 2; ++session) {
      SharedEngine engine = open();
      engine.start(settings_of(own));
      engine.initialize();
    }
  });
  EXPECT_EQ(calls[1], (std::vector<std::string>{"start", "initialize", "start", "initialize"}));
}

}  // namespace
}  // namespace medley::testing
