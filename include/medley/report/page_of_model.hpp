// What a page shows of an experiment and of its trained model: report/model_blocks.hpp has the JSON.
#pragma once

#include <string>
#include <vector>

#include "medley/report/page.hpp"

namespace medley::page {

// The network as a table, and the arena as a picture with the table of its sections.
Section network_section(const nlohmann::json& network);
Section arena_section(const nlohmann::json& arena);

// Samples with predictions and targets, the worst by each loss, ROC and precision-recall, reliability; the
// sentence in "left_out" goes to the page's. What is drawn goes to "model" of the page's data.
void add_model_sections(const nlohmann::json& model, Page& page);

}  // namespace medley::page
