// What the settings of a study are judged by: numbers of the validation split.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medley/experiment/description.hpp"

namespace medley {

// Columns of trials.csv: "total", "term.<term>" of each term, and the metrics.
std::vector<std::string> result_names(const Description& description);

struct Objective {
  std::string metric;
  std::size_t index = 0;  // of Design::metrics
  bool more_is_better = true;

  // More of it is better, whatever the metric; a number that is not known is worse than any.
  double score(double value) const {
    if (value != value) return -std::numeric_limits<double>::infinity();
    return more_is_better ? value : -value;
  }
};

// "colour.accuracy>=0.95", or "<=": what the mean of a setting must be.
struct Requirement {
  std::string metric;
  std::size_t index = 0;
  bool at_least = true;
  double limit = 0.0;

  bool met(double value) const { return at_least ? value >= limit : value <= limit; }
  std::string text() const;
};

// Throw usage_error where there is no such metric, naming those that there are.
Objective parse_objective(std::string_view text, const std::vector<std::string>& metrics);
Requirement parse_requirement(std::string_view text, const std::vector<std::string>& metrics);

}  // namespace medley
