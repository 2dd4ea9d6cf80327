// The numbers that runs have come to, as tables.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/report/page.hpp"
#include "medley/report/run_files.hpp"

namespace medley::page {

// All values of an option, with commas between them.
std::string option_text(const RunFiles& run, std::string_view option);

// Options that the runs do not share, but those that say where and by what a run was made.
std::vector<std::string> differing_options(std::span<const RunFiles> runs);

// Metrics and losses as last measured: of one run by split; of several a row each by the options that
// differ, with mean and standard error of those that are alike but for seeds and folds.
Section figures_section(std::span<const RunFiles> runs);

}  // namespace medley::page
