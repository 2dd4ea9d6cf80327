#include "medley/study/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace medley::comparison {

namespace {

using statistics::Paired;

constexpr double significant = 0.05, clear_cosine = 0.2, vague_cosine = 0.5, least_scale = 1e-3;

std::vector<double> known(std::vector<double> values) {
  std::erase_if(values, [](double x) { return std::isnan(x); });
  return values;
}

double mean_of(const Table& t, std::size_t arm, std::size_t metric) {
  return statistics::estimate(known(t.arms[arm].error[metric])).mean;
}

std::vector<std::size_t> indices_of(const Table& t, const std::function<bool(const Arm&)>& wanted) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < t.arms.size(); ++i) {
    if (wanted(t.arms[i].arm)) indices.push_back(i);
  }
  return indices;
}

// Fixed weights that came to something in each metric.
std::vector<std::size_t> front_of(const Table& t) {
  std::vector<std::size_t> front = indices_of(t, [](const Arm& arm) { return arm.fixed_weights; });
  std::erase_if(front, [&](std::size_t i) {
    return std::ranges::any_of(t.arms[i].error, [](const auto& row) { return known(row).empty(); });
  });
  return front;
}

// --- sharing, gradients, weights ------------------------------------------------------------------

std::vector<Sharing> sharing_of(const Table& t) {
  std::vector<Sharing> found;
  const auto singles = indices_of(t, [](const Arm& arm) { return arm.kind == ArmKind::single; });
  for (std::size_t m = 0; m < t.metrics.size(); ++m) {
    for (const std::size_t loss : t.metrics[m].losses) {
      for (const std::size_t single : singles) {
        if (t.arms[single].arm.loss != loss) continue;
        found.push_back(
            {m, loss, single, judge(t.difference(t.sum(), single, m), t.effect * t.scale(m))});
      }
    }
  }
  return found;
}

Agreement agreement_of(const GradientPair& pair) {
  Agreement found{pair.a, pair.b, statistics::estimate(known(pair.cosine)), {}};
  found.interval = statistics::interval(found.cosine);
  const double mean = found.cosine.mean;
  const auto [low, high] = found.interval;
  if (high < 0 && mean <= -clear_cosine) {
    found.verdict = Verdict::less;
  } else if (low > 0 && mean >= clear_cosine) {
    found.verdict = Verdict::more;
  } else if (std::abs(mean) < clear_cosine && low > -vague_cosine && high < vague_cosine) {
    found.verdict = Verdict::same;
  }
  return found;
}

// The p value that fixed weights are all alike in a metric, over the repeats that all have.
double alike(const Table& t, const std::vector<std::size_t>& front, std::size_t metric) {
  std::vector<std::vector<double>> values(front.size());
  for (std::size_t s = 0; s < t.arms[front[0]].error[metric].size(); ++s) {
    const auto of = [&](std::size_t i) { return t.arms[i].error[metric][s]; };
    if (std::ranges::any_of(front, [&](std::size_t i) { return std::isnan(of(i)); })) continue;
    for (std::size_t k = 0; k < front.size(); ++k) values[k].push_back(of(front[k]));
  }
  return statistics::treatments(values);
}

std::vector<WeightsSpan> weights_of(const Table& t, const std::vector<std::size_t>& front) {
  std::vector<WeightsSpan> found;
  if (front.size() < 2) return found;
  for (std::size_t m = 0; m < t.metrics.size(); ++m) {
    const auto mean = [&](std::size_t arm) { return mean_of(t, arm, m); };
    const auto [best, worst] = std::ranges::minmax_element(front, {}, mean);
    found.push_back({m, *best, *worst, alike(t, front, m),
                     judge(t.difference(*worst, *best, m), t.effect * t.scale(m))});
  }
  return found;
}

std::optional<TradeOff> trade_off_of(const Table& t, const std::vector<WeightsSpan>& weights) {
  for (const WeightsSpan& a : weights) {
    for (const WeightsSpan& b : weights) {
      if (a.metric >= b.metric || !(a.p < significant && b.p < significant)) continue;
      const auto costs = [&](std::size_t arm, const WeightsSpan& in) {
        return judge(t.difference(arm, in.best, in.metric), t.effect * t.scale(in.metric))
                   .verdict == Verdict::more;
      };
      if (costs(b.best, a) && costs(a.best, b)) return TradeOff{a.metric, b.metric, a.best, b.best};
    }
  }
  return {};
}

// --- where an arm lies to the front of fixed weights ------------------------------------------------

double one_sided(const Paired& paired) {
  return paired.difference > 0 ? paired.p / 2 : 1 - paired.p / 2;
}

double in_errors(const Paired& paired) {
  if (paired.standard_error == 0.0 && paired.difference != 0.0)
    return std::copysign(std::numeric_limits<double>::max(), paired.difference);
  return paired.standard_error == 0.0 ? 0.0 : paired.difference / paired.standard_error;
}

// Weights of the errors, in units of the sum's: all alike, and each with half of the weight besides.
std::vector<std::vector<double>> directions(std::size_t metrics) {
  const double share = 1.0 / static_cast<double>(metrics);
  std::vector<std::vector<double>> all{std::vector<double>(metrics, share)};
  if (metrics == 1) return all;
  for (std::size_t m = 0; m < metrics; ++m) {
    all.emplace_back(metrics, share / 2);
    all.back()[m] += 0.5;
  }
  return all;
}

// Σ_o λ_o error_o / scale_o a repeat.
std::vector<double> along(const Table& t, std::size_t arm, const std::vector<double>& direction) {
  std::vector<double> sums(t.arms[arm].error[0].size(), 0.0);
  for (std::size_t m = 0; m < direction.size(); ++m) {
    for (std::size_t s = 0; s < sums.size(); ++s)
      sums[s] += direction[m] * t.arms[arm].error[m][s] / t.scale(m);
  }
  return sums;
}

// a - b over the repeats that both know.
Paired paired_known(const std::vector<double>& a, const std::vector<double>& b, double fold_share) {
  std::vector<double> left, right;
  for (std::size_t s = 0; s < a.size(); ++s) {
    if (std::isnan(a[s]) || std::isnan(b[s])) continue;
    left.push_back(a[s]);
    right.push_back(b[s]);
  }
  return statistics::paired_folds(left, right, fold_share);
}

void measure_distance(const Table& t, const std::vector<std::size_t>& front, Position& position) {
  const auto tried = directions(t.metrics.size());
  position.distance = -std::numeric_limits<double>::infinity();
  for (const std::vector<double>& direction : tried) {
    double least = std::numeric_limits<double>::infinity(), largest_p = 0.0;
    for (const std::size_t fixed : front) {
      const Paired beyond =
          paired_known(along(t, fixed, direction), along(t, position.arm, direction), t.fold_share);
      least = std::min(least, in_errors(beyond));
      // (NaN, which is nothing known, counts as 1.)
      const double p = one_sided(beyond);
      largest_p = std::max(largest_p, p >= 0 ? p : 1.0);
    }
    position.distance = std::max(position.distance, least);
    position.p = std::min(position.p, largest_p * static_cast<double>(tried.size()));
  }
}

// The fixed weights whose largest difference, in units of what matters, is the smallest.
std::size_t nearest_of(const Table& t, const std::vector<std::size_t>& front, std::size_t arm) {
  return *std::ranges::min_element(front, {}, [&](std::size_t fixed) {
    double largest = 0.0;
    for (std::size_t m = 0; m < t.metrics.size(); ++m) {
      const double gap = std::abs(mean_of(t, arm, m) - mean_of(t, fixed, m));
      largest = std::max(largest, gap / t.scale(m));
    }
    return largest;
  });
}

std::vector<Judgement> judged_against(const Table& t, std::size_t arm, std::size_t other) {
  std::vector<Judgement> all;
  for (std::size_t m = 0; m < t.metrics.size(); ++m)
    all.push_back(judge(t.difference(arm, other, m), t.effect * t.scale(m)));
  return all;
}

bool all_are(const std::vector<Judgement>& judged, std::initializer_list<Verdict> verdicts) {
  return std::ranges::all_of(judged, [&](const Judgement& j) {
    return std::ranges::find(verdicts, j.verdict) != verdicts.end();
  });
}

bool any_is(const std::vector<Judgement>& judged, Verdict verdict) {
  return std::ranges::find(judged, verdict, &Judgement::verdict) != judged.end();
}

Place place_of(const Position& p) {
  if (p.distance > 2 && p.holm < significant) return Place::outside;
  if (all_are(p.to_nearest, {Verdict::same})) return Place::equivalent;
  for (const auto* judged : {&p.to_nearest, &p.to_sum}) {
    if (any_is(*judged, Verdict::more) && all_are(*judged, {Verdict::more, Verdict::same}))
      return Place::behind;
  }
  if (any_is(p.to_nearest, Verdict::more) || any_is(p.to_nearest, Verdict::less))
    return Place::elsewhere;
  return Place::unknown;
}

std::vector<Position> positions_of(const Table& t, const std::vector<std::size_t>& front) {
  std::vector<Position> found;
  if (front.empty()) return found;
  std::vector<double> p;
  for (const std::size_t arm :
       indices_of(t, [](const Arm& a) { return !a.fixed_weights && a.kind != ArmKind::single; })) {
    Position position{.arm = arm, .to_nearest = {}, .to_sum = {}};
    measure_distance(t, front, position);
    position.nearest = nearest_of(t, front, arm);
    position.to_nearest = judged_against(t, arm, position.nearest);
    position.to_sum = judged_against(t, arm, t.sum());
    p.push_back(std::min(position.p, 1.0));
    found.push_back(std::move(position));
  }
  const std::vector<double> corrected = statistics::holm(p);
  for (std::size_t i = 0; i < found.size(); ++i) {
    found[i].holm = corrected[i];
    const bool any = std::ranges::any_of(t.arms[found[i].arm].error,
                                         [](const auto& row) { return !known(row).empty(); });
    found[i].place = any ? place_of(found[i]) : Place::nothing;
  }
  return found;
}

// --- what it comes to -------------------------------------------------------------------------------

// An arm that is better than the sum in a metric and in none worse, most of all on the mean of its
// errors in units of the sum's; corrected for the metrics and arms that are looked at.
std::optional<std::size_t> better_of(const Table& t) {
  const std::size_t sum = t.sum();
  const auto others = indices_of(
      t, [](const Arm& arm) { return arm.kind != ArmKind::single && arm.kind != ArmKind::sum; });
  std::vector<double> p;
  for (const std::size_t arm : others) {
    double least = 1.0;
    for (std::size_t m = 0; m < t.metrics.size(); ++m) {
      const double one = one_sided(t.difference(sum, arm, m));
      if (one < least) least = one;
    }
    p.push_back(std::min(1.0, least * static_cast<double>(t.metrics.size())));
  }
  const std::vector<double> corrected = statistics::holm(p);
  std::optional<std::size_t> best;
  const auto mean = [&](std::size_t arm) {
    double total = 0.0;
    for (std::size_t m = 0; m < t.metrics.size(); ++m) total += mean_of(t, arm, m) / t.scale(m);
    return total;
  };
  for (std::size_t i = 0; i < others.size(); ++i) {
    const std::vector<Judgement> judged = judged_against(t, others[i], sum);
    if (corrected[i] >= significant || !any_is(judged, Verdict::less) ||
        !all_are(judged, {Verdict::less, Verdict::same}))
      continue;
    if (!best || mean(others[i]) < mean(*best)) best = others[i];
  }
  return best;
}

Conclusion conclude(const Findings& f) {
  const auto any = [&](Verdict verdict) {
    return std::ranges::any_of(f.sharing,
                               [&](const Sharing& s) { return s.joint.verdict == verdict; });
  };
  const bool hurts = any(Verdict::more), helps = any(Verdict::less);
  if (hurts && !helps) return Conclusion::apart;
  if (f.trade_off || hurts) return Conclusion::decision;
  if (f.better) return Conclusion::reweight;
  if (helps) return Conclusion::sum;
  return any(Verdict::unknown) || f.sharing.empty() ? Conclusion::unknown
                                                    : Conclusion::sharing_none;
}

std::size_t needed_of(const Findings& f) {
  std::size_t most = 0;
  const auto look = [&](const Judgement& j) {
    if (j.verdict == Verdict::unknown) most = std::max(most, j.needed);
  };
  for (const Sharing& s : f.sharing) look(s.joint);
  for (const WeightsSpan& w : f.weights) look(w.span);
  for (const Position& p : f.positions) {
    if (p.place == Place::unknown) std::ranges::for_each(p.to_nearest, look);
  }
  return most;
}

}  // namespace

std::size_t Table::sum() const {
  const auto found =
      std::ranges::find(arms, ArmKind::sum, [](const ArmResult& a) { return a.arm.kind; });
  return static_cast<std::size_t>(found - arms.begin());
}

double Table::scale(std::size_t metric) const {
  const double mean = mean_of(*this, sum(), metric);
  return mean > least_scale ? mean : least_scale;
}

Paired Table::difference(std::size_t a, std::size_t b, std::size_t metric) const {
  return paired_known(arms[a].error[metric], arms[b].error[metric], fold_share);
}

Judgement judge(const Paired& paired, double effect) {
  Judgement j{.paired = paired, .interval = statistics::interval(paired), .effect = effect};
  const auto [low, high] = j.interval;
  if (low > -effect && high < effect) {
    j.verdict = Verdict::same;
  } else if (high < 0) {
    j.verdict = Verdict::less;
  } else if (low > 0) {
    j.verdict = Verdict::more;
  } else {
    // (Student's t of few pairs is above 2, so that these may not have been enough.)
    const std::size_t needed = statistics::pairs_needed(paired, effect);
    j.needed = needed > 0 ? std::max(needed, paired.n + 1) : 0;
  }
  return j;
}

Findings findings(const Table& t) {
  Findings f;
  const std::vector<std::size_t> front = front_of(t);
  f.sharing = sharing_of(t);
  for (const GradientPair& pair : t.pairs) f.agreement.push_back(agreement_of(pair));
  f.weights = weights_of(t, front);
  f.trade_off = trade_off_of(t, f.weights);
  f.positions = positions_of(t, front);
  f.better = better_of(t);
  f.conclusion = conclude(f);
  f.needed = needed_of(f);
  return f;
}

}  // namespace medley::comparison
