#include "medley/run/best.hpp"

#include <algorithm>
#include <cmath>

namespace medley {

bool more_is_better(std::string_view name) {
  static constexpr std::array<std::string_view, 7> names{
      "accuracy", "balanced_accuracy", "f1", "macro_f1", "auc", "mean_iou", "pixel_accuracy"};
  if (name.starts_with("term.")) return false;
  const std::size_t point = name.rfind('.');
  return point != std::string_view::npos &&
         std::ranges::find(names, name.substr(point + 1)) != names.end();
}

std::string to_string(const Criterion& c) {
  if (c.split == Split::validation) return c.name;
  return std::string(to_string(c.split)).append(".").append(c.name);
}

std::optional<Criterion> find_criterion(std::string_view text, std::span<const std::string> names) {
  const auto known = [&](std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  if (known(text)) return Criterion{Split::validation, std::string(text), more_is_better(text)};
  const std::size_t point = std::min(text.find('.'), text.size() - 1);
  const std::string_view start = text.substr(0, point), rest = text.substr(point + 1);
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    if (start == to_string(split) && known(rest))
      return Criterion{split, std::string(rest), more_is_better(rest)};
  }
  return {};
}

bool BestSoFar::add(std::uint64_t at, std::span<const Criterion> criteria,
                    std::span<const double> values) noexcept {
  ++waited;
  if (!std::isfinite(values[0])) return false;
  std::array<double, most_criteria> found{};
  for (std::size_t i = 0; i < criteria.size(); ++i) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    found[i] = std::isfinite(values[i])     ? values[i]
               : criteria[i].more_is_better ? -infinity
                                            : infinity;
  }
  if (step > 0) {
    std::size_t i = 0;
    while (i < criteria.size() && found[i] == value[i]) ++i;
    if (i == criteria.size()) return false;
    if (criteria[i].more_is_better ? found[i] < value[i] : found[i] > value[i]) return false;
  }
  std::copy_n(found.begin(), criteria.size(), value.begin());
  step = at;
  waited = 0;
  return true;
}

}  // namespace medley
