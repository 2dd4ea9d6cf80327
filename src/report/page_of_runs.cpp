#include "medley/report/page_of_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "medley/base/number.hpp"
#include "medley/report/html.hpp"
#include "medley/report/run_figures.hpp"

namespace medley::page {

namespace {

using Strings = std::vector<std::string>;

// --- confusion matrices --------------------------------------------------------------------------

// A cell's share of its true class, which is what colours it.
double share(std::string_view count, double sum) {
  const NumberRead<double> read = read_number<double>(count);
  return read && sum > 0.0 ? read.value / sum : 0.0;
}

std::string confusion_html(const Confusion& confusion) {
  const LogTable& counts = confusion.counts;
  Strings columns{"true \\ predicted"};
  for (std::size_t c = 1; c < counts.header().size(); ++c)
    columns.push_back(">" + counts.header()[c]);
  columns.emplace_back(">right");
  HtmlTable table("heat", columns);
  for (std::size_t r = 0; r < counts.size(); ++r) {
    const Strings fields = counts.fields(r);
    double sum = 0.0;
    for (std::size_t c = 1; c < fields.size(); ++c) sum += share(fields[c], 1.0);
    Strings row{"<b>" + escaped(fields[0]) + "</b>"};
    for (std::size_t c = 1; c < fields.size(); ++c) {
      const double part = share(fields[c], sum);
      row.push_back(fmt::format("<span class=\"{}\" style=\"--share:{:.3f}\">{}</span>",
                                c == r + 1 ? "hit" : "miss", part, figure(fields[c])));
    }
    row.push_back(r + 1 < fields.size() && sum > 0.0
                      ? fmt::format("{:.1f}%", 100.0 * share(fields[r + 1], sum))
                      : "");
    table.row(row);
  }
  return fmt::format("<figure><figcaption>{}, {}</figcaption>\n{}</figure>\n",
                     escaped(confusion.target), escaped(confusion.split), table.html());
}

Section confusion_section(const RunFiles& run) {
  Section section{
      "confusion", "Confusion matrices",
      "Rows are true classes, columns predicted ones; a cell is as dark as its share of "
      "the true class. Blue is right, orange is wrong.",
      ""};
  constexpr std::size_t most_classes = 40;
  for (const std::string_view split : {"test", "validation"}) {
    for (const Confusion& confusion : run.confusions) {
      if (confusion.split == split && confusion.counts.size() > 0 &&
          confusion.counts.size() <= most_classes)
        section.html += confusion_html(confusion);
    }
  }
  if (!section.html.empty())
    section.html = "<div class=\"matrices\">\n" + section.html + "</div>\n";
  return section;
}

// --- rows behind the curves ------------------------------------------------------------------------

nlohmann::json run_data(const RunFiles& run, std::size_t bytes) {
  nlohmann::json tables = nlohmann::json::array();
  std::size_t files = 0;
  for (const auto* table : {&run.losses, &run.diagnostics, &run.metrics})
    files += table->has_value();
  const std::size_t share = bytes / std::max<std::size_t>(files, 1);
  for (const auto* table :
       {&run.losses, &run.metrics, &run.diagnostics, &run.timing, &run.range_test}) {
    if (*table) tables.push_back(drawn_table(**table, share));
  }
  if (run.losses) {
    constexpr std::size_t drawn_rates = 300;
    const auto rates = learning_rates(run, thinned(*run.losses, drawn_rates));
    if (rates) tables.push_back(drawn_table(*rates, share));
  }
  return {{"name", run.name}, {"steps", run.steps_done()}, {"tables", tables}};
}

void tell_what_is_missing(const RunFiles& run, Strings& left_out) {
  const auto missing = [&](const std::optional<LogTable>& table, std::string_view file,
                           std::string_view what) {
    if (!table) left_out.push_back(fmt::format("{}: no {}, so {}.", run.name, file, what));
    if (table && table->misfits() > 0)
      left_out.push_back(
          fmt::format("{}: {} rows of {} have not as many fields as its header and "
                      "are left out.",
                      run.name, table->misfits(), file));
  };
  missing(run.losses, "losses.csv", "no curves of losses");
  missing(run.metrics, "metrics.csv", "no curves of metrics");
  missing(run.timing, "timing.csv", "no curves by time");
  missing(run.diagnostics, "diagnostics.csv",
          "no contributions and corrected cosines (train --diagnose N writes it)");
  if (run.confusions.empty())
    left_out.push_back(
        fmt::format("{}: no confusion-*.csv, which a run writes at its end.", run.name));
}

std::string training_time(const RunFiles& run) {
  if (!run.timing) return {};
  double seconds = 0.0;
  for (std::size_t row = 0; row < run.timing->size(); ++row)
    seconds += read_number<double>(run.timing->cell(row, "seconds")).value;
  return fmt::format(", {:.3g} s of training", seconds);
}

}  // namespace

std::string state_of(const RunFiles& run) {
  const std::uint64_t done = run.steps_done();
  const std::string of = run.planned_steps > 0 ? fmt::format(" of {}", run.planned_steps) : "";
  if (run.diverged) return fmt::format("diverged after step {}{}", done, of);
  if (!run.digest.empty()) return fmt::format("finished after {} steps", done);
  return fmt::format("at step {}{}: still going, or interrupted", done, of);
}

Section curves_section(std::size_t runs) {
  return {"curves", "Curves",
          runs == 1
              ? "Training as measured on each batch (pale) and smoothed (bold); validation and "
                "test as points."
              : "A colour a run: training smoothed as lines, validation and test as points.",
          "<div id=\"curve-controls\"></div>\n<div class=\"charts\" id=\"metric-charts\"></div>\n"
          "<div class=\"charts\" id=\"loss-charts\"></div>\n"
          "<div class=\"charts\" id=\"rate-charts\"></div>\n"};
}

Section agreement_section() {
  return {"agreement", "How the losses get along",
          "Weights as used; norms and cosines of the losses' gradients over the trunk. A cosine "
          "clearly and lastingly below 0, the corrected one too, is a conflict.",
          "<div class=\"charts\" id=\"agreement-charts\"></div>\n"};
}

nlohmann::json curves_data(std::span<const RunFiles> runs) {
  constexpr std::size_t bytes = 3'400'000;
  nlohmann::json list = nlohmann::json::array();
  for (const RunFiles& run : runs) list.push_back(run_data(run, bytes / runs.size()));
  return list;
}

Section options_section(std::span<const RunFiles> runs) {
  Strings columns{"option"}, names;
  for (const RunFiles& run : runs) {
    columns.push_back(run.name);
    for (const auto& [name, value] : run.options) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  HtmlTable table("options", columns);
  const Strings differing = differing_options(runs);
  for (const std::string& name : names) {
    Strings row{escaped(name)};
    for (const RunFiles& run : runs) row.push_back(escaped(option_text(run, name)));
    table.row(row, std::ranges::find(differing, name) != differing.end() ? "differs" : "");
  }
  Strings digests{"digest of the parameters"};
  for (const RunFiles& run : runs)
    digests.push_back(run.digest.empty() ? "" : "<code>" + escaped(run.digest) + "</code>");
  table.row(digests);
  return {"options", "Options",
          runs.size() == 1 ? "As they were resolved; train --config RUN/config.ini takes them back."
                           : "As they were resolved; those that differ are marked.",
          table.html()};
}

Page page_of_runs(std::span<const RunFiles> runs) {
  Page page;
  std::set<std::string> experiments;
  for (const RunFiles& run : runs) {
    experiments.insert(run.experiment);
    tell_what_is_missing(run, page.left_out);
  }
  const std::string of = fmt::format("{}", fmt::join(experiments, ", "));
  if (runs.size() == 1) {
    page.kind = "Run of " + of;
    page.title = runs[0].name;
    page.facts = state_of(runs[0]) + training_time(runs[0]);
    if (!runs[0].records.empty()) page.facts += "; records: " + runs[0].records;
    if (!runs[0].digest.empty()) page.facts += "; digest " + runs[0].digest;
  } else {
    page.kind = "Runs of " + of;
    page.title = fmt::format("{} runs", runs.size());
    const auto ended = std::ranges::count_if(runs, [](const auto& r) { return !r.digest.empty(); });
    page.facts = fmt::format("{} of them finished", ended);
  }
  const auto add = [&](Section section) {
    if (!section.html.empty()) page.sections.push_back(std::move(section));
  };
  add(figures_section(runs));
  add(curves_section(runs.size()));
  add(agreement_section());
  if (runs.size() == 1) add(confusion_section(runs[0]));
  page.data["kind"] = runs.size() == 1 ? "run" : "runs";
  page.data["runs"] = curves_data(runs);
  return page;
}

}  // namespace medley::page
