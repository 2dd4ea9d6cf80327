#include "medley/report/run_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/report/html.hpp"
#include "medley/study/statistics.hpp"

namespace medley::page {

namespace {

using Strings = std::vector<std::string>;

// Splits as the logs name them, what counts most first: `best.test` is of the best parameters.
constexpr std::array<std::string_view, 4> splits{"test", "best.test", "validation", "whole.train"};

struct Figure {
  std::string name, value;
  std::string error;  // standard error; empty where none is known
};

std::optional<std::size_t> last_row(const LogTable& table, std::string_view split) {
  for (std::size_t row = table.size(); row-- > 0;) {
    if (table.cell(row, "split") == split) return row;
  }
  return std::nullopt;
}

// The cells of the last row of a split, `wanted` of its columns.
template <class Wanted>
void add_figures(const std::optional<LogTable>& table, std::string_view split, Wanted&& wanted,
                 std::vector<Figure>& figures) {
  const std::optional<std::size_t> row = table ? last_row(*table, split) : std::nullopt;
  if (!row) return;
  const Strings fields = table->fields(*row);
  for (std::size_t c = 0; c < fields.size(); ++c) {
    const std::string& name = table->header()[c];
    if (name != "epoch" && name != "step" && name != "split" && wanted(name))
      figures.push_back({name, fields[c], {}});
  }
}

// The standard errors that test.csv has of a split's figures; it calls the value of a loss term.NAME.
void add_errors(const LogTable& test, std::string_view split, std::vector<Figure>& figures) {
  constexpr std::string_view of_loss = ".value";
  std::map<std::string, std::string> errors;
  for (std::size_t row = 0; row < test.size(); ++row)
    errors[test.cell(row, "name")] = test.cell(row, "standard_error");
  for (Figure& f : figures) {
    const std::string name = f.name.ends_with(of_loss)
                                 ? "term." + f.name.substr(0, f.name.size() - of_loss.size())
                                 : f.name;
    f.error = errors[fmt::format("{}.{}", split, name)];
  }
}

// The last metrics and losses of a split.
std::vector<Figure> figures_of(const RunFiles& run, std::string_view split) {
  std::vector<Figure> figures;
  add_figures(
      run.metrics, split, [](const std::string&) { return true; }, figures);
  add_figures(
      run.losses, split,
      [](const std::string& name) { return name == "total" || name.ends_with(".value"); }, figures);
  if (run.test) add_errors(*run.test, split, figures);
  return figures;
}

// Nothing where there is no such figure.
Figure found(const std::vector<Figure>& figures, std::string_view name) {
  const auto figure = std::ranges::find(figures, name, &Figure::name);
  return figure == figures.end() ? Figure{} : *figure;
}

std::string cell(const std::vector<Figure>& figures, std::string_view name) {
  const Figure f = found(figures, name);
  return figure_with_error(f.value, f.error);
}

// The names in the order in which they first come.
void add_names(const std::vector<Figure>& figures, Strings& names) {
  for (const Figure& f : figures) {
    if (std::ranges::find(names, f.name) == names.end()) names.push_back(f.name);
  }
}

// The first metric of each target, large.
std::string tiles(const std::vector<Figure>& figures, std::string_view split) {
  std::string html;
  std::set<std::string> targets;
  for (const Figure& f : figures) {
    const std::size_t dot = f.name.find('.');
    if (dot == std::string::npos || f.name.ends_with(".value") || f.value.empty()) continue;
    const std::string target = f.name.substr(0, dot);
    if (!targets.insert(target).second) continue;
    html += fmt::format(
        "<div class=\"tile\"><span class=\"of\">{}</span><strong>{}</strong><span>{}, "
        "{}</span></div>\n",
        escaped(target), figure(f.value), escaped(f.name.substr(dot + 1)), split);
  }
  return html.empty() ? html : "<div class=\"tiles\">\n" + html + "</div>\n";
}

std::string figures_of_one(const RunFiles& run) {
  Strings columns{"figure"}, names;
  std::vector<std::vector<Figure>> measured;
  std::string large;
  for (const std::string_view split : splits) {
    std::vector<Figure> figures = figures_of(run, split);
    if (figures.empty()) continue;
    if (large.empty()) large = tiles(figures, split);
    columns.push_back(fmt::format(">{}", split));
    add_names(figures, names);
    measured.push_back(std::move(figures));
  }
  if (names.empty()) return {};
  HtmlTable table("figures", columns);
  for (const std::string& name : names) {
    Strings row{escaped(name)};
    for (const std::vector<Figure>& figures : measured) row.push_back(cell(figures, name));
    table.row(row);
  }
  return large + table.html();
}

// Options that say where and by what a run was made, not what it computes.
constexpr std::array<std::string_view, 4> no_setting{"data", "out", "threads", "isa"};
// Options in which repeats of one setting differ.
constexpr std::array<std::string_view, 3> of_repeats{"seed", "fold", "fold-seed"};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// "mean ± standard error" of numbers as texts; empty where there are not two.
std::string mean_of(const Strings& texts) {
  std::vector<double> values;
  for (const std::string& text : texts) {
    const NumberRead<double> read = read_number<double>(text);
    if (read) values.push_back(read.value);
  }
  if (values.size() < 2) return {};
  const statistics::Estimate e = statistics::estimate(values);
  return figure_with_error(number_text(e.mean), number_text(e.standard_error));
}

// Numbers of runs that are alike but for seeds and folds, by what else they are.
std::map<Strings, std::vector<std::size_t>> repeated(std::span<const RunFiles> runs,
                                                     const Strings& differing) {
  std::map<Strings, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Strings key{runs[i].experiment};
    for (const std::string& name : differing) {
      if (!is_one_of(name, of_repeats)) key.push_back(option_text(runs[i], name));
    }
    groups[key].push_back(i);
  }
  return groups;
}

std::string figures_of_several(std::span<const RunFiles> runs, std::string_view split) {
  const Strings differing = differing_options(runs);
  Strings names;
  std::vector<std::vector<Figure>> figures;
  for (const RunFiles& run : runs) {
    figures.push_back(figures_of(run, split));
    add_names(figures.back(), names);
  }
  if (names.empty()) return {};
  Strings columns{"run"};
  for (const std::string& name : differing)
    columns.push_back((is_one_of(name, of_repeats) ? ">" : "") + name);
  columns.emplace_back(">steps");
  for (const std::string& name : names) columns.push_back(">" + name);
  HtmlTable table("figures sortable", columns);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Strings row{escaped(runs[i].name)};
    for (const std::string& name : differing) row.push_back(escaped(option_text(runs[i], name)));
    row.push_back(std::to_string(runs[i].steps_done()));
    for (const std::string& name : names) row.push_back(cell(figures[i], name));
    table.row(row);
  }
  for (const auto& [key, members] : repeated(runs, differing)) {
    if (members.size() < 2) continue;
    Strings row{fmt::format("mean of {}", members.size())};
    std::size_t at = 1;
    for (const std::string& name : differing)
      row.push_back(is_one_of(name, of_repeats) ? "" : escaped(key[at++]));
    row.emplace_back();
    for (const std::string& name : names) {
      Strings values;
      for (const std::size_t i : members) values.push_back(found(figures[i], name).value);
      row.push_back(mean_of(values));
    }
    table.row(row, "mean");
  }
  return table.html();
}

}  // namespace

std::string option_text(const RunFiles& run, std::string_view name) {
  return fmt::format("{}", fmt::join(run.option(name), ", "));
}

Strings differing_options(std::span<const RunFiles> runs) {
  Strings names;
  for (const RunFiles& run : runs) {
    for (const auto& option : run.options) {
      const std::string& name = option.first;
      const bool known =
          std::ranges::find(names, name) != names.end() || is_one_of(name, no_setting);
      const bool differs = std::ranges::any_of(runs, [&](const RunFiles& other) {
        return option_text(other, name) != option_text(run, name);
      });
      if (!known && differs) names.push_back(name);
    }
  }
  return names;
}

Section figures_section(std::span<const RunFiles> runs) {
  if (runs.size() == 1)
    return {"figures", "Figures",
            "Metrics and losses as they were last measured; of test with standard errors, which "
            "are of the "
            "records alone: another seed is not in them.",
            figures_of_one(runs[0])};
  Section section{"figures", "Figures", "", ""};
  for (const std::string_view split : splits) {
    const std::string table = figures_of_several(runs, split);
    if (!table.empty())
      section.html += fmt::format("<h3>{}, as last measured</h3>\n", split) + table;
  }
  return section;
}

}  // namespace medley::page
