// Metrics of an evaluation, from the counts and scores that the engine collects:
//
//   labels, all    accuracy, balanced_accuracy (mean recall of the classes that occur)
//   two classes    f1 (of class 1), auc (area under the ROC curve, exact; ties count half)
//   more classes   macro_f1 (mean F1 of the classes that occur or are predicted),
//                  mean_absolute_error (distance of class numbers) where the target is `ordered`
//   masks          mean_iou (mean over the classes that occur or are predicted of intersection over
//                  union, both summed over the whole split), pixel_accuracy
//   values         mean_absolute_error, root_mean_squared_error, over all dimensions
//
// scikit-learn: accuracy_score, balanced_accuracy_score, f1_score, f1_score(average='macro'),
// roc_auc_score, mean_absolute_error; jaccard_score(average='macro') over all pixels.
//
// A metric that is not defined (no record has the target, a class that does not occur) is NaN.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"

namespace medley {

// `error` is the standard error where the records are independent and there is a simple one, else
// NaN: binomial for accuracies, Hanley and McNeil 1982 for auc, of the mean for absolute errors. `low`
// and `high` are an interval that holds what is measured with a chance of 95 %, of accuracies
// Wilson's (1927), else NaN. uncertainty.hpp fills what is missing here.
struct Metric {
  std::string name;
  double value = std::numeric_limits<double>::quiet_NaN();
  double error = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

// The metrics of an experiment, always the same ones in the same order.
std::vector<Metric> metrics(const Description& description, const Evaluation& evaluation);

// "colour.accuracy", or "colour.main.accuracy" where several heads answer the target colour.
std::vector<std::string> metric_names(const Description& description);
// Their values, for a training loop: does not allocate. `values` has one place a name. `areas`, if it is
// not empty, has for each MetricInfo the area under the ROC curve in place of that of its scores.
void metric_values(const Description& description, const Evaluation& evaluation,
                   std::span<double> values, std::span<const double> areas = {});

// The area under the ROC curve of rising scores, as `auc` is above, and its standard error.
Metric area_under_roc(std::span<const Score> scores);

// The share of n predictions that are right, each on its own, with its error and interval as accuracies
// have them; NaN of none.
Metric share_right(double right, double n);

// Which of them to look at first, the first of each description.metrics: accuracy, mean_iou or
// mean_absolute_error.
std::vector<std::size_t> main_metrics(const Description& description);

// What names of metrics and files begin with, for description.metrics[index]: "colour", or
// "colour.main" where several heads answer the target.
std::string metric_prefix(const Description& description, std::size_t index);

// The confusion matrix of a class or mask target as CSV: the true class, then a column for each
// predicted class. Classes without names are numbered.
std::string confusion_csv(const MetricInfo& info, const MetricCounts& counts,
                          std::span<const std::string> class_names,
                          std::string_view end_of_row = "\r\n");

}  // namespace medley
