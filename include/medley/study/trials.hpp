// The results of a study's trials: rows of trials.csv.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medley/experiment/records.hpp"
#include "medley/study/setting.hpp"

namespace medley {

enum class TrialStatus { complete, diverged, failed };
std::string_view to_string(TrialStatus status);

// A training up to a rung. Its run folder goes by the number of the trial, whatever the rung.
struct Trial {
  std::uint64_t number = 0;
  int rung = 0;
  std::uint64_t epochs = 0;  // where it pauses for the rung's end; 0: it is trained to its own end

  auto key() const { return std::pair(rung, number); }
  bool operator==(const Trial&) const = default;
};

struct TrialRow {
  Trial trial;  // with the epochs that were done
  TrialStatus status = TrialStatus::complete;
  std::vector<std::string> values;  // as Setting::values
  std::vector<double> metrics;      // as Design::metrics; NaN: not defined, or diverged
};

// Rows by rung and number, each once.
class TrialTable {
 public:
  void add(TrialRow row) { rows_.emplace(row.trial.key(), std::move(row)); }
  const TrialRow* find(int rung, std::uint64_t number) const {
    const auto found = rows_.find({rung, number});
    return found == rows_.end() ? nullptr : &found->second;
  }
  bool has(const Trial& trial) const { return find(trial.rung, trial.number) != nullptr; }
  const auto& rows() const { return rows_; }
  std::size_t size() const { return rows_.size(); }

  // Of one metric, a number a repeat of the setting, in the order of repeats; NaN where there is
  // none.
  std::vector<double> values(const Design& design, std::size_t setting, int rung,
                             std::size_t metric) const;
  // Whether all repeats of a setting have come to the end of a rung, and none diverged or failed.
  bool complete(const Design& design, std::size_t setting, int rung) const;

 private:
  std::map<std::pair<int, std::uint64_t>, TrialRow> rows_;
};

// As trials.csv has them, with line ends.
std::string header_text(const Design& design);
std::string row_text(const Design& design, const TrialRow& row);

// Reads the rows of a study's trials.csv that are whole; none where there is no such file. Throws
// data_error where it is of another study.
TrialTable read_trials(const std::filesystem::path& file, const Design& design);

// The result of a training of so many epochs (0: all) from the metrics.csv and losses.csv of its run
// folder, of a split: {epochs done, a value for each of Design::metrics}. All NaN where nothing
// has been evaluated.
std::pair<std::uint64_t, std::vector<double>> read_result(const std::filesystem::path& run,
                                                          const Design& design,
                                                          std::uint64_t epochs,
                                                          Split split = Split::validation);

}  // namespace medley
