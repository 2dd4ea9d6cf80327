// What a run has come to, read from its folder: of one that is complete, stopped, diverged, or still
// going on.
//
//   const RunResults results = read_run("runs/mine");
//   if (results.best_step) {
//     const ResultRow* best = results.row("validation", *results.best_step);
//     double accuracy = results.value(*best, "colour.accuracy");
//   }
//
// A last line without an end, as a process leaves it that is writing or was killed, counts for
// nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace medley {

// The numbers of one moment and split.
struct ResultRow {
  std::uint64_t epoch = 0, step = 0;  // epochs from 0; steps done
  // "train": the batch of a step, before its update; "whole.train": the training split, evaluated
  // where --best asks for it; "validation"; at the end of a run "test" with the last parameters, and
  // "best.test" with those of RunResults::best_step.
  std::string split;
  std::vector<double> values;  // one a name of RunResults::names; NaN where there is none
};

enum class RunStatus : std::uint8_t {
  complete,  // at its end: its length, or out of patience
  stopped,   // before its end: interrupted, killed, or still going on
  diverged,
};

struct RunResults {
  std::filesystem::path path;
  std::string experiment;
  // Lines "name = value" of config.ini, in its order; a name may occur several times.
  std::vector<std::pair<std::string, std::string>> options;
  RunStatus status = RunStatus::stopped;
  std::uint64_t done = 0;               // steps, by the last row
  std::optional<std::uint64_t> length;  // steps of the whole run, once it is known (a checkpoint)
  // "total"; "term.<term>", "weight.<term>", "gradient_norm.<term>"; "cosine.<term>.<term>"; then
  // the metrics, such as "colour.accuracy". Those of losses.csv come first.
  std::vector<std::string> names;
  std::vector<ResultRow> rows;             // in the order of losses.csv
  std::optional<std::uint64_t> best_step;  // by what --best says; rows of that step exist

  // The values of an option that is given, in order.
  std::vector<std::string_view> option(std::string_view name) const;
  std::optional<std::size_t> index(std::string_view name) const;
  // The row of a split at a step, or its last one; null where there is none.
  const ResultRow* row(std::string_view split, std::uint64_t step) const;
  const ResultRow* last_row(std::string_view split) const;
  // NaN where the row has no such number.
  double value(const ResultRow& row, std::string_view name) const;
};

// Throws io_error where the folder is no run's or cannot be read, data_error naming file and line
// of what is damaged.
RunResults read_run(const std::filesystem::path& run);

}  // namespace medley
