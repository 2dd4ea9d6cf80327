// How sure metrics are: standard errors and intervals of all that an evaluation tells.
//
// The records of a split are taken for draws from all that there might be; where the data have groups
// (group.npy), the groups are, since the pictures of one person tell less than those of as many persons.
//
//   standard error  where the draws are records and there is a formula, by that: see metrics.hpp. Else the
//                   standard deviation over 1000 bootstrap samples: as many draws as the split has, with
//                   replacement (Efron 1979; of groups, whole ones: Davison and Hinkley 1997, 3.8)
//   low, high       95 %: Wilson's of accuracies where the draws are records, else from the 2.5th to the
//                   97.5th percentile of the bootstrap samples (scipy.stats.bootstrap, percentile)
//
// Samples in which a metric is not defined do not count; where these are more than half, or a split has
// a single draw, nothing is told. Penalties hang on no record: theirs is not told either. Sample r of a split
// is a function of r, the split and the number of draws: the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/engine/engine.hpp"
#include "medley/experiment/description.hpp"
#include "medley/run/metrics.hpp"

namespace medley {

inline constexpr int bootstrap_samples = 1000;

struct Assessment {
  Evaluation evaluation;  // its spans hold until the engine's next evaluation
  // "total", "term.<name>" of all terms, then the metrics, with their names.
  std::vector<Metric> metrics;
  std::uint64_t draws = 0;  // that the errors rest on: records, or groups of them
  bool grouped = false;
  double seconds = 0;  // that the evaluation took
};

// Evaluates a split of `records`, which the engine was started with. Takes some hundred bytes of memory
// and some microseconds a record.
Assessment assess(Engine& engine, const Source& records, const Description& description,
                  Split split, int threads);

// The same without uncertainty but that of formulas.
std::vector<Metric> all_metrics(const Description& description, const Evaluation& evaluation);

// "standard errors take the 812 groups for draws, not the 5000 records": what is to be told to people of
// an assessment; empty where nothing is.
std::string uncertainty_note(const Assessment& assessment);

}  // namespace medley
