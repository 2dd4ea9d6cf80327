// TensorBoard: a folder of event files, DIR/RUN/train, DIR/RUN/validation, ... (board_points.hpp says
// what is in them), of runs that have ended or are still going, or of the runs of a study. Written
// again it goes on where it was (event_file.hpp).
#pragma once

#include "medley/export/export_format.hpp"

namespace medley {

// --tensorboard DIR
ExportFormat tensorboard_format();

}  // namespace medley
