// What the options of a study come to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>

#include "medley/base/error.hpp"
#include "medley/study/study_options.hpp"

namespace medley {

namespace {

// Options that have a value for each group, term or part of the network.
constexpr auto with_keys = std::to_array<std::string_view>({"lr", "weight", "mix", "lr-scale"});

// What lines "name = value" or "name = key=value" have for a searched option. Without its key it stands
// for all of them, which have a common value or none.
std::string value_of(const std::string& config, const Dimension& d) {
  const bool has_keys = std::ranges::find(with_keys, d.option) != with_keys.end();
  std::istringstream lines(config);
  std::optional<std::string> common;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(d.option + " = ")) continue;
    std::string value = line.substr(d.option.size() + 3), key;
    if (has_keys) {
      const std::size_t equals = value.find('=');
      key = value.substr(0, equals);
      value.erase(0, equals + 1);
    }
    if (!d.key.empty() && key != d.key) continue;
    if (common && *common != value) return {};
    common = value;
  }
  return common.value_or("");
}

}  // namespace

Design make_design(const StudyOptions& o, const Description& d) {
  Design design;
  for (const Dimension& dimension : o.search.dimensions) design.columns.push_back(dimension.name);
  design.metrics = result_names(d);
  if (!o.config.empty()) design.shared = {"--config", o.config.string()};
  design.shared.insert(design.shared.end(), o.shared.begin(), o.shared.end());
  if (std::ranges::find(o.shared, "--keep") == o.shared.end())
    design.shared.insert(design.shared.end(), {"--keep", "1"});
  design.folds = o.folds;
  design.seeds = o.seeds;
  if (o.at_best) design.best_by = make_criteria(o, design).objectives[0].metric;
  return design;
}

Criteria make_criteria(const StudyOptions& o, const Design& design) {
  Criteria criteria;
  criteria.has_default = o.has_default;
  for (const std::string& text : o.objectives)
    criteria.objectives.push_back(parse_objective(text, design.metrics));
  for (const std::string& text : o.requirements)
    criteria.requirements.push_back(parse_requirement(text, design.metrics));
  for (const Objective& objective : criteria.objectives) {
    for (const Dimension& dimension : o.search.dimensions) {
      if (objective.metric != "total" ||
          (dimension.option != "weight" && dimension.option != "mix"))
        continue;
      throw usage_error(
          fmt::format("--objective total: {} is searched, so that totals are sums with different "
                      "weights, which cannot be compared; name metrics, or term.TERM",
                      dimension.name));
    }
  }
  return criteria;
}

TrainOptions train_options(const StudyOptions& o, const Design& design, const Arguments& of_setting,
                           const Description& d) {
  Arguments all{"--out", (o.study / "runs").string()};
  all.insert(all.end(), design.shared.begin(), design.shared.end());
  all.insert(all.end(), of_setting.begin(), of_setting.end());
  if (!o.data.empty()) all.insert(all.end(), {"--data", o.data});
  return parse_train_options(all, d);
}

Setting default_setting(const StudyOptions& o, const Design& design, const Description& d) {
  Setting setting{.name = "default", .values = {}, .options = {}};
  const std::string config = to_config(train_options(o, design, {}, d), d);
  for (const Dimension& dimension : o.search.dimensions)
    setting.values.push_back(value_of(config, dimension));
  return setting;
}

Simplicity simplicity(const TrainOptions& options, const Description& description,
                      bool is_default) {
  const Description d = with_mode(description, options.mode, options.mix);
  Simplicity s{.mode = static_cast<int>(d.mode), .is_other = !is_default, .epochs = options.epochs};
  for (const GroupInfo& group : d.groups) s.adapts |= !group.mix.mix.is_constant();
  return s;
}

}  // namespace medley
