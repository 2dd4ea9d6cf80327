#include "medley/study/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/files/csv.hpp"

namespace medley {

namespace {

using statistics::Estimate;
using statistics::Paired;

std::string number(double x) { return fmt::format("{:.4g}", x); }

std::string plus_minus(double x, double error) {
  return error == error ? fmt::format("{} ± {:.2g}", number(x), error) : number(x);
}

// "setting 3 (lr 0.003, mix upgrad)".
std::string named(const Design& design, const Plan& plan, std::size_t s) {
  const Setting& setting = plan.settings()[s];
  std::string text;
  for (std::size_t i = 0; i < design.columns.size(); ++i) {
    if (!setting.values[i].empty())
      text +=
          fmt::format("{}{} {}", text.empty() ? "" : ", ", design.columns[i], setting.values[i]);
  }
  const std::string name = setting.name.empty() ? fmt::format("setting {}", s)
                                                : fmt::format("setting {}, {}", s, setting.name);
  return text.empty() ? name : fmt::format("{} ({})", name, text);
}

std::string count(std::size_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string values(const Criteria& criteria, const SettingSummary& s) {
  std::string text;
  for (std::size_t i = 0; i < criteria.objectives.size(); ++i) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", criteria.objectives[i].metric,
                        plus_minus(s.objective[i].mean, s.objective[i].standard_error));
  }
  return text;
}

std::string repeats(const Design& design) {
  std::string text;
  if (design.folds > 0) text = count(static_cast<std::size_t>(design.folds), "fold");
  if (design.seeds > 1 || text.empty())
    text += fmt::format("{}{}", text.empty() ? "" : " with ",
                        count(static_cast<std::size_t>(design.seeds), "seed"));
  return text;
}

// How far a setting is from the default in an objective, and whether that can be told from chance:
// `p` is that of the difference as one of many comparisons.
std::string difference(const Objective& objective, const Paired& d, double p,
                       std::size_t comparisons) {
  const double gain = objective.more_is_better ? d.difference : -d.difference;
  const double size = gain < 0 ? -gain : gain;
  if (gain == 0) return fmt::format("as good in {}", objective.metric);
  const std::string text = fmt::format("{} in {} by {}", gain < 0 ? "worse" : "better",
                                       objective.metric, plus_minus(size, d.standard_error));
  if (d.n < 2)
    return fmt::format("{}, in a single pair of trainings, which tells nothing of chance", text);
  if (d.standard_error == 0) return fmt::format("{}, alike in {} pairs", text, d.n);
  const std::string many =
      comparisons > 1 ? fmt::format(" after Holm's correction for {} comparisons", comparisons)
                      : std::string{};
  return fmt::format("{} ({}, p = {:.2g}{}){}", text, count(d.n, "pair"), p, many,
                     p < 0.05 ? "" : ", which may be chance");
}

void say_trials(const Design& design, const Plan& plan, const Selection& selection,
                std::vector<std::string>& lines) {
  std::size_t diverged = 0, failed = 0, stopped = 0;
  for (const SettingSummary& s : selection.settings) {
    diverged += s.diverged;
    failed += s.failed;
    stopped += !s.is_whole && s.diverged + s.failed == 0;
  }
  std::string text = fmt::format("{}, each trained on {}", count(plan.settings().size(), "setting"),
                                 repeats(design));
  if (stopped > 0) text += fmt::format("; {} ended early by successive halving", stopped);
  if (diverged > 0) text += fmt::format("; {} diverged", count(diverged, "training"));
  if (failed > 0) text += fmt::format("; {} failed, see log.txt", count(failed, "training"));
  lines.push_back(text + ".");
}

// Why the chosen one is chosen.
void say_reason(const Design& design, const Plan& plan, const Criteria& criteria,
                const Selection& selection, std::vector<std::string>& lines) {
  const std::size_t chosen = *selection.chosen, best = *selection.best;
  std::size_t ties = 0;
  for (const SettingSummary& s : selection.settings) ties += s.ties;
  const std::string& first = criteria.objectives[0].metric;
  if (chosen != best) {
    lines.push_back(fmt::format(
        "The best {} has {}: {}; {} are within one standard error of it, of which the "
        "chosen one is {}.",
        first, named(design, plan, best), values(criteria, selection.settings[best]),
        count(ties, "setting"),
        selection.is_simpler
            ? "the simplest"
            : fmt::format("the best in {} and no less simple", criteria.objectives[1].metric)));
  } else if (ties > 1) {
    lines.push_back(fmt::format(
        "It has the best {}, and {} tie with it within one standard error; none of them "
        "is simpler.",
        first, count(ties - 1, "other setting")));
  } else if (selection.settings.size() > 1) {
    lines.push_back(fmt::format("It has the best {}; no other ties with it.", first));
  }
}

void say_front(const Design& design, const Plan& plan, const Criteria& criteria,
               const Selection& selection, std::vector<std::string>& lines) {
  const auto on_front =
      std::ranges::count_if(selection.settings, [](const SettingSummary& s) { return s.on_front; });
  if (criteria.objectives.size() < 2) return;
  if (on_front == 1) {
    lines.push_back(
        fmt::format("One setting is best in all {} objectives: there is nothing to trade.",
                    criteria.objectives.size()));
    return;
  }
  lines.push_back(fmt::format(
      "{} are on the Pareto front, none of them better in all objectives than another; which of "
      "them "
      "is right is for you to say, and {} decided here because it was named first.",
      count(static_cast<std::size_t>(on_front), "setting"), criteria.objectives[0].metric));
  for (std::size_t s = 0; s < selection.settings.size(); ++s) {
    if (selection.settings[s].on_front)
      lines.push_back(fmt::format("On the front: {}: {}.", named(design, plan, s),
                                  values(criteria, selection.settings[s])));
  }
}

void say_default(const Criteria& criteria, const Selection& selection,
                 std::vector<std::string>& lines) {
  if (!criteria.has_default) return;
  if (*selection.chosen == 0) {
    lines.push_back("That is the experiment's own setting.");
    return;
  }
  for (std::size_t i = 0; i < criteria.objectives.size(); ++i) {
    const Paired& d = selection.settings[*selection.chosen].to_default[i];
    if (d.n == 0) {
      lines.push_back("The default has no result to compare with.");
      return;
    }
    std::vector<double> p;
    for (const SettingSummary& s : selection.settings) p.push_back(s.to_default[i].p);
    p.erase(p.begin());  // the default with itself
    const double corrected = statistics::holm(p)[*selection.chosen - 1];
    lines.push_back(fmt::format("Against the default it is {}.",
                                difference(criteria.objectives[i], d, corrected, p.size())));
  }
}

}  // namespace

std::string settings_text(const Design& design, const Plan& plan, const Criteria& criteria,
                          const Selection& selection, bool chosen_only) {
  std::string text = "setting,name";
  for (const std::string& column : design.columns) text += "," + csv_field(column);
  text += ",trials,diverged,failed,rung";
  for (const Objective& o : criteria.objectives) {
    for (const char* what : {"mean", "standard_error", "difference", "difference_error", "p"})
      text += "," + csv_field(fmt::format("{}.{}", o.metric, what));
  }
  text += ",on_front,chosen\r\n";
  for (std::size_t i = 0; i < selection.settings.size(); ++i) {
    const SettingSummary& s = selection.settings[i];
    if (chosen_only && !s.on_front && !s.chosen) continue;
    const Setting& setting = plan.settings()[i];
    text += fmt::format("{},{}", i, csv_field(setting.name));
    for (const std::string& value : setting.values) text += "," + csv_field(value);
    text += fmt::format(",{},{},{},{}", s.complete, s.diverged, s.failed, s.rung);
    for (std::size_t o = 0; o < criteria.objectives.size(); ++o) {
      const Paired& d = s.to_default[o];
      for (const double x : {s.objective[o].mean, s.objective[o].standard_error, d.difference,
                             d.standard_error, d.p})
        text += "," + number_text(x);
    }
    text += fmt::format(",{:d},{:d}\r\n", s.on_front, s.chosen);
  }
  return text;
}

std::vector<std::string> answer_sentences(const Design& design, const Plan& plan,
                                          const Criteria& criteria, const Selection& selection,
                                          bool is_final) {
  std::vector<std::string> lines;
  say_trials(design, plan, selection, lines);
  std::string required;
  for (const Requirement& r : criteria.requirements)
    required += (required.empty() ? "" : " and ") + r.text();
  if (!selection.chosen) {
    const bool any =
        std::ranges::any_of(selection.settings, [](const SettingSummary& s) { return s.is_whole; });
    lines.push_back(any ? fmt::format("No setting has {}: none is chosen.", required)
                        : "No setting came through all of its trainings: none is chosen.");
    return lines;
  }
  lines.push_back(fmt::format("Chosen: {}: {} (mean and standard error over {}, validation{}).",
                              named(design, plan, *selection.chosen),
                              values(criteria, selection.settings[*selection.chosen]),
                              repeats(design), required.empty() ? "" : ", given " + required));
  say_reason(design, plan, criteria, selection, lines);
  say_default(criteria, selection, lines);
  say_front(design, plan, criteria, selection, lines);
  if (design.repeats() == 1)
    lines.push_back(
        "Each setting was trained once: differences may all be chance; --seeds 3 or --folds 5 "
        "would "
        "tell.");
  if (plan.settings().size() > 1 && !is_final)
    lines.push_back(
        "What is chosen as the best of several looks better in validation than it is: --final "
        "measures it once on the test split.");
  return lines;
}

std::vector<std::string> test_sentences(const Criteria& criteria,
                                        const std::filesystem::path& test_csv) {
  std::string text;
  CsvReader csv(test_csv);
  for (CsvRow row; csv.next(row);) {
    for (const Objective& o : criteria.objectives) {
      if (row.fields.size() < 3 || row.fields[0] != "test." + o.metric) continue;
      const auto value = read_number<double>(row.fields[1]),
                 error = read_number<double>(row.fields[2]);
      constexpr double none = std::numeric_limits<double>::quiet_NaN();
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", o.metric,
                          plus_minus(value ? value.value : none, error ? error.value : none));
    }
  }
  if (text.empty()) return {};
  return {fmt::format(
      "Trained on training and validation records together, it has {} on the test split (value and "
      "standard error).",
      text)};
}

}  // namespace medley
