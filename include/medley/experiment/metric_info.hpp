// What is measured of a head beside its losses.
#pragma once

#include <string_view>

#include "medley/experiment/records.hpp"
#include "medley/losses/outputs.hpp"

namespace medley {

// How predictions of a head are compared with a target.
struct MetricInfo {
  std::string_view head, target;  // names, which are literals of the experiment
  int head_index = 0, target_index = 0;
  TargetKind kind = TargetKind::classes;
  int classes = 0;      // of labels and masks; 0 for values
  bool scored = false;  // two classes: scores are collected for the area under the ROC curve
  Outputs outputs{};    // what the losses on them take the outputs for
};

}  // namespace medley
