// How well scores part the records of a class from the others, threshold by threshold.
//
// Of the records whose score is t or more, TP(t) are of the class and FP(t) are not:
//   true positive rate, recall   TP / positives
//   false positive rate          FP / negatives
//   precision                    TP / (TP + FP); 1 where there are none, above all scores
// Records of equal scores pass together. Exact: no bins.
//
// scikit-learn: roc_curve(drop_intermediate=False), precision_recall_curve, average_precision_score.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "medley/engine/reports.hpp"

namespace medley {

// The members of a curve from "positives" on, as model_blocks.hpp has them, of scores that rise. Where
// one class does not occur or a score is not a number, areas are null and the lists are empty.
//
// Longer curves are thinned to about 200 points (more where these would not do): points are left out
// where they are nearest to each other along the ROC curve and precision is level, such that the area under what is drawn,
// under this and under precision over recall, by trapezoids, changes by 1e-3 at most. The first and
// the last point stay, and so does each long stretch between two neighbours.
nlohmann::json ranking_block(std::span<const Score> rising);

}  // namespace medley
