#include "medley/study/selection.hpp"

#include <algorithm>

namespace medley {

namespace {

using statistics::Paired;

// The highest rung that a setting has results of, in all repeats.
int rung_reached(const Design& design, const Plan& plan, const TrialTable& results,
                 std::size_t setting) {
  for (int rung = plan.rung_of(setting); rung > 0; --rung) {
    bool whole = true;
    for (int repeat = 0; repeat < design.repeats(); ++repeat)
      whole &= results.find(rung, design.trial(setting, repeat)) != nullptr;
    if (whole) return rung;
  }
  return 0;
}

std::vector<double> known(std::vector<double> values) {
  std::erase_if(values, [](double x) { return x != x; });
  return values;
}

SettingSummary summarize(const Design& design, const Plan& plan, const TrialTable& results,
                         const Criteria& criteria, std::size_t setting) {
  SettingSummary s;
  s.rung = rung_reached(design, plan, results, setting);
  for (int repeat = 0; repeat < design.repeats(); ++repeat) {
    const TrialRow* const row = results.find(s.rung, design.trial(setting, repeat));
    if (!row) continue;
    s.complete += row->status == TrialStatus::complete;
    s.diverged += row->status == TrialStatus::diverged;
    s.failed += row->status == TrialStatus::failed;
  }
  const auto mean = [&](std::size_t metric) {
    return statistics::estimate(known(results.values(design, setting, s.rung, metric)));
  };
  for (const Objective& o : criteria.objectives) {
    s.objective.push_back(mean(o.index));
    s.to_default.push_back(criteria.has_default
                               ? compare_settings(design, plan, results, setting, 0, o.index)
                               : statistics::paired({}, {}));
  }
  s.meets = true;
  for (const Requirement& r : criteria.requirements) {
    s.required.push_back(mean(r.index).mean);
    s.meets &= r.met(s.required.back());
  }
  return s;
}

}  // namespace

Paired compare_settings(const Design& design, const Plan& plan, const TrialTable& results,
                        std::size_t a, std::size_t b, std::size_t metric) {
  const int rung =
      std::min(rung_reached(design, plan, results, a), rung_reached(design, plan, results, b));
  const std::vector<double> of_a = results.values(design, a, rung, metric),
                            of_b = results.values(design, b, rung, metric);
  std::vector<double> left, right;
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    if (of_a[i] != of_a[i] || of_b[i] != of_b[i]) continue;
    left.push_back(of_a[i]);
    right.push_back(of_b[i]);
  }
  if (design.folds > 1) return statistics::paired_folds(left, right, 1.0 / (design.folds - 1));
  return statistics::paired(left, right);
}

Selection select(const Design& design, const Plan& plan, const TrialTable& results,
                 const Criteria& criteria, std::span<const Simplicity> simplicity) {
  Selection selection;
  const std::size_t count = plan.settings().size();
  int last_rung = 0;
  for (std::size_t i = 0; i < count; ++i) last_rung = std::max(last_rung, plan.rung_of(i));
  std::vector<Scores> means;
  for (std::size_t i = 0; i < count; ++i) {
    SettingSummary s = summarize(design, plan, results, criteria, i);
    s.is_whole = results.complete(design, i, last_rung);
    Scores scores;
    for (const statistics::Estimate& e : s.objective)
      scores.push_back(s.is_whole && s.meets ? e.mean : std::numeric_limits<double>::quiet_NaN());
    means.push_back(std::move(scores));
    selection.settings.push_back(std::move(s));
  }
  const std::vector<bool> front = pareto_front(means, criteria.objectives);
  const Objective& first = criteria.objectives[0];
  const auto score = [&](std::size_t i) { return first.score(means[i][0]); };
  for (std::size_t i = 0; i < count; ++i) {
    selection.settings[i].on_front = front[i];
    if (front[i] && (!selection.best || score(i) > score(*selection.best))) selection.best = i;
  }
  if (!selection.best) return selection;
  for (std::size_t i = 0; i < count; ++i) {
    // Of one objective the front is the best alone, and those that tie with it are beside it.
    if (means[i][0] != means[i][0] || (criteria.objectives.size() > 1 && !front[i])) continue;
    const Paired d = compare_settings(design, plan, results, i, *selection.best, first.index);
    const double gap = d.difference < 0 ? -d.difference : d.difference;
    selection.settings[i].ties = i == *selection.best || gap <= d.standard_error || gap == 0.0;
    if (!selection.settings[i].ties) continue;
    // Less is better: what is simpler, then better in the other objectives, then in the first.
    const auto rank = [&](std::size_t s) {
      std::pair<Simplicity, std::vector<double>> r{simplicity[s], {}};
      for (std::size_t o = 1; o < criteria.objectives.size(); ++o)
        r.second.push_back(-criteria.objectives[o].score(means[s][o]));
      r.second.push_back(-score(s));
      return r;
    };
    if (!selection.chosen || rank(i) < rank(*selection.chosen)) selection.chosen = i;
  }
  selection.settings[*selection.chosen].chosen = true;
  if (selection.chosen != selection.best) {
    selection.is_simpler = simplicity[*selection.chosen] != simplicity[*selection.best];
    for (const Objective& o : criteria.objectives)
      selection.chosen_to_best.push_back(
          compare_settings(design, plan, results, *selection.chosen, *selection.best, o.index));
  }
  return selection;
}

}  // namespace medley
