// What a page says of a study: its answer, its settings side by side, its trials.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "medley/report/page.hpp"
#include "medley/report/run_files.hpp"

namespace medley::page {

// A study folder as it stands, also of a study that is still going.
struct StudyFiles {
  std::filesystem::path folder;
  std::string experiment;                                    // as study.ini says
  std::vector<std::string> answer;                           // sentences
  std::vector<std::pair<std::string, std::string>> options;  // of study.ini
  std::optional<LogTable> settings, trials, test, timing, range_test;
  std::vector<std::string> chosen;  // lines of chosen.ini
};

// Whether the folder has a study.ini or a settings.csv.
bool is_study(const std::filesystem::path& folder);
StudyFiles read_study(const std::filesystem::path& folder);

// The columns of settings.csv by what they are.
struct SettingColumns {
  std::vector<std::string> searched;    // between `name` and `trials`, of which some cell is filled
  std::vector<std::string> objectives;  // those that have a `.mean`
};
SettingColumns setting_columns(const LogTable& settings);

// A trial of each setting, or of many settings of those that matter most, named by their settings.
std::vector<RunFiles> trials_to_draw(const StudyFiles& study);

// Title, facts, the sections of answer, settings, front, options, trials and chosen.ini, and the rows
// that the page's script draws.
Page page_of_study(const StudyFiles& study);

}  // namespace medley::page
