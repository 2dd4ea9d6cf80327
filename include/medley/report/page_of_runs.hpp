// What a page says of one run, or of several side by side.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "medley/report/page.hpp"
#include "medley/report/run_files.hpp"

namespace medley::page {

// "finished after 375 steps", "at step 120 of 375: still going, or interrupted", "diverged at step 7 of 375".
std::string state_of(const RunFiles& run);

// Title, facts, the sections of figures, curves, agreement and confusion matrices, and the rows behind the
// curves. What a folder does not have is told in left_out.
Page page_of_runs(std::span<const RunFiles> runs);

// Options of all runs side by side, and their digests.
Section options_section(std::span<const RunFiles> runs);

// The rows behind the curves of these runs: "runs" of the page's data, which leaves room for the rest below
// 5 MB.
nlohmann::json curves_data(std::span<const RunFiles> runs);

// The containers that the page's script draws curves and agreement of losses into.
Section curves_section(std::size_t runs);
Section agreement_section();

}  // namespace medley::page
