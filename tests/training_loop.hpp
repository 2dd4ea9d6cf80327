// For tests of whole trainings around an engine that computes nothing: how they are begun, and what
// they leave.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "medley/run/training_run.hpp"
#include "tests/files_helpers.hpp"
#include "tests/scripted_engine.hpp"

namespace medley::testing {

using Ending = TrainingRun::Ending;
using Texts = std::vector<std::string>;
using Steps = std::vector<std::uint64_t>;
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

inline Texts lines_of(const std::filesystem::path& file) {
  std::istringstream text(read_text(file));
  Texts lines;
  for (std::string line; std::getline(text, line);) {
    while (line.ends_with('\r')) line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

inline int count_of(std::string_view part, const std::string& text) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// A program and the folder of a run of it. What is said to people is in log.txt too.
class TrainingLoop : public ::testing::Test {
 protected:
  // With `stop_after`, as if the process were asked to stop after so many steps.
  Ending train(Arguments arguments, std::uint64_t stop_after = 0) {
    arguments.insert(arguments.begin(), {"--out", run.string()});
    made.script.calls.clear();
    const Session session(made.program, "scripted");
    TrainOptions options = parse_train_options(arguments, made.description);
    options.stop_after = stop_after;
    TrainingRun training(session, options);
    ::testing::internal::CaptureStderr();
    try {
      const Ending ending = training.train();
      said = ::testing::internal::GetCapturedStderr();
      return ending;
    } catch (...) {
      said = ::testing::internal::GetCapturedStderr();
      throw;
    }
  }

  std::string log() const { return read_text(run / "log.txt"); }

  // "epoch step split" for the rows of a log, with " +" where gradients were measured.
  Texts rows(const char* file) const {
    Texts found;
    Texts lines = lines_of(run / file);
    lines.erase(lines.begin());
    for (const std::string& line : lines) {
      std::istringstream text(line);
      Texts fields;
      for (std::string field; std::getline(text, field, ',');) fields.push_back(field);
      const bool measured = fields.size() > 6 && !fields[6].empty();
      found.push_back(fields[0] + " " + fields[1] + " " + fields[2] + (measured ? " +" : ""));
    }
    return found;
  }

  std::vector<std::uint64_t> checkpoints() const {
    std::vector<std::uint64_t> steps;
    for (const std::filesystem::path& file : checkpoints_of(run))
      steps.push_back(*step_of_checkpoint(file));
    return steps;
  }
  // The step that `last` or `best` stands for.
  std::optional<std::uint64_t> linked(const char* name) const {
    return std::filesystem::is_symlink(run / name)
               ? step_of_checkpoint(std::filesystem::read_symlink(run / name))
               : std::nullopt;
  }
  RunState state_of(std::uint64_t step, float* parameter = nullptr) const {
    std::array<float, lanes> arena{};
    const std::filesystem::path file =
        run / "checkpoints" / RunFolder::checkpoint_name(step).data();
    const Checkpoint checkpoint = load_checkpoint(file, made.description, arena.data(), true);
    if (parameter) *parameter = arena[0];
    return checkpoint.state;
  }

  // Every file of a run that must be the same however often it was interrupted.
  std::vector<std::pair<std::string, std::string>> contents() const {
    std::vector<std::pair<std::string, std::string>> found;
    for (const char* name : {"losses.csv", "metrics.csv"}) {
      found.emplace_back(name, read_text(run / name));
    }
    for (const std::filesystem::path& file : checkpoints_of(run)) {
      found.emplace_back(file.filename().string(), read_text(file));
    }
    return found;
  }

  TemporaryFolder folder;
  std::filesystem::path run = folder / "run";
  ScriptedProgram made;
  std::string said;
};

}  // namespace medley::testing
