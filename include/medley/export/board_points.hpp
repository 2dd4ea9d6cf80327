// What TensorBoard is told of a run: curves of its logs, histograms of the weights in its checkpoints,
// confusion matrices and samples as pictures, options. By the folder below the run's that an event
// file goes to, which TensorBoard takes for a run of its own: one a split, so that the same tag of
// train and validation is one chart; "" for the run's own.
//
//   losses.csv        loss/total, loss/TERM, weight/TERM, gradient_norm/TERM, cosine/A.B
//   metrics.csv       metric/NAME
//   diagnostics.csv   diagnostics/NAME     range-test.csv   range_test/NAME     timing.csv  time/NAME
//   learning rate     learning_rate/GROUP                   checkpoints         weights/PARAMETER
//   confusion-*.csv   confusion/TARGET                      samples             samples/record N
//   config.ini        options (text), and the plugin HPARAMS
//
// Times of day are those of config.ini and, after it, the seconds of timing.csv.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "medley/export/event_file.hpp"
#include "medley/report/run_files.hpp"

namespace medley {

using BoardPoints = std::map<std::string, std::vector<EventPoint>>;

// All but the samples. Throws data_error and io_error as what reads checkpoints does.
BoardPoints board_points(const page::RunFiles& run);

// The pictures of a block that model_blocks() made, with what is told and what is true as titles.
void add_samples(const page::RunFiles& run, const nlohmann::json& model, BoardPoints& points);

}  // namespace medley
