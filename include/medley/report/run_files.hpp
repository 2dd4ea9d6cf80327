// What a run folder tells, read as it stands: also of a run that is still going.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medley/report/log_table.hpp"

namespace medley::page {

// A matrix of counts: rows true classes, columns predicted ones.
struct Confusion {
  std::string target, split;
  LogTable counts;
};

struct RunFiles {
  std::filesystem::path folder;
  std::string name;                                          // that the page calls it by
  std::string experiment;                                    // as config.ini says
  std::vector<std::pair<std::string, std::string>> options;  // of config.ini, in its order
  std::optional<LogTable> losses, metrics, test, diagnostics, timing, range_test;
  std::vector<Confusion> confusions;
  std::uint64_t planned_steps = 0;  // as log.txt says; 0: it does not
  std::string records;              // "8000 train, 2000 validation, 6000 test"
  std::string digest;  // of the parameters at the end; empty for a run that has not ended
  bool diverged = false;

  // Steps that losses.csv knows of.
  std::uint64_t steps_done() const;
  // All values of an option that may be given several times, such as `lr`.
  std::vector<std::string> option(std::string_view name) const;
};

// Whether the folder has a config.ini of a run.
bool is_run(const std::filesystem::path& folder);

// Throws data_error if the folder is no run, io_error if a file cannot be read.
RunFiles read_run(const std::filesystem::path& folder);

// `step`, and the rate of each group, at the steps of these rows of losses.csv: lr times the schedule's
// factor. Nothing where config.ini or log.txt do not tell.
std::optional<LogTable> learning_rates(const RunFiles& run, const std::vector<std::size_t>& rows);

// Names that tell the folders apart: their last parts, with as many before them as are needed.
void name_apart(std::vector<RunFiles>& runs);

}  // namespace medley::page
