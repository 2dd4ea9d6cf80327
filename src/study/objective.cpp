#include "medley/study/objective.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/files/options.hpp"
#include "medley/run/best.hpp"
#include "medley/run/metrics.hpp"

namespace medley {

namespace {

std::size_t index_of(std::string_view option, std::string_view metric,
                     const std::vector<std::string>& metrics) {
  const auto found = std::ranges::find(metrics, metric);
  if (found != metrics.end()) return static_cast<std::size_t>(found - metrics.begin());
  throw usage_error(fmt::format("--{}: there is no '{}' of the validation split; there are: {}",
                                option, metric, fmt::join(metrics, ", ")));
}

}  // namespace

std::vector<std::string> result_names(const Description& d) {
  std::vector<std::string> names{"total"};
  for (const TermInfo& term : d.terms) names.push_back("term." + term.name);
  for (const std::string& name : metric_names(d)) names.push_back(name);
  return names;
}

std::string Requirement::text() const {
  return metric + (at_least ? ">=" : "<=") + number_text(limit);
}

Objective parse_objective(std::string_view text, const std::vector<std::string>& metrics) {
  return {std::string(text), index_of("objective", text, metrics), more_is_better(text)};
}

Requirement parse_requirement(std::string_view text, const std::vector<std::string>& metrics) {
  const std::size_t at = std::min(text.find(">="), text.find("<="));
  if (at == std::string_view::npos || at == 0)
    throw usage_error(
        fmt::format("--require: '{}' is not of the form METRIC>=X or METRIC<=X", text));
  const std::string_view metric = stripped(text.substr(0, at));
  return {std::string(metric), index_of("require", metric, metrics), text[at] == '>',
          parse_number<double>(text.substr(at + 2), "require")};
}

}  // namespace medley
