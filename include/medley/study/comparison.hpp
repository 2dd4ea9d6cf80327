// What a table of repeated trainings says of losses, mixes and step modes: numbers with their
// uncertainty, and what follows from them. Pure functions; comparison_answer.hpp puts them into words.
//
// All is said of errors, of which less is better: the metric itself where that is an error or a loss,
// else 1 - metric. A difference matters from `effect` on, a share of the plain sum's error. Repeats
// (seed, fold) are pairs: arm i and arm j of the same repeat differ in the arm alone.
//
//   judged      the interval of 95% of a paired difference lies within ±effect: `same`;
//               else it lies on one side of 0: `less` or `more` error; else nothing is known
//   sharing     of a metric, plain sum minus its loss alone
//   agreement   of two losses, the cosine of their gradients without noise, over repeats
//   weights     of a metric, the span over fixed weights, and an F test that it is there at all
//   outside     an arm lies outside the front of fixed weights where for some direction λ > 0 of the
//               errors it is below each of them: the distance is, in standard errors of the paired
//               difference of Σ λ_o error_o, the least over fixed weights, in the best of a few
//               directions. (Errors are in units of the sum's. A point between two fixed weights that is
//               no lower than the line between them is not outside.) Its p value is one-sided, the
//               largest over fixed weights, times the directions tried, and corrected for the arms
//               compared (Holm)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "medley/study/arms.hpp"
#include "medley/study/statistics.hpp"

namespace medley::comparison {

// What one arm came to, at the learning rate that was best for it.
struct ArmResult {
  Arm arm;
  std::string rate;                        // the learning rate, as it was given
  std::vector<std::vector<double>> error;  // a row a metric, a number a repeat; NaN: not known
  std::vector<double> used;  // mean weights as used, of all losses, adding up to their number
};

// A metric that counts, and the losses that are on its target.
struct Metric {
  std::string name;
  bool more_is_better = false;
  std::vector<std::size_t> losses;

  double error_of(double value) const { return more_is_better ? 1.0 - value : value; }
};

struct GradientPair {
  std::size_t a = 0, b = 0;
  std::vector<double> cosine;  // a number a repeat of the plain sum; NaN: noise hides it
};

struct Table {
  std::vector<std::string> losses;
  std::vector<Metric> metrics;
  std::vector<ArmResult> arms;  // the plain sum among them
  std::vector<GradientPair> pairs;
  double effect = 0.1;      // the least difference that matters, in errors of the plain sum
  double fold_share = 0.0;  // held-out over training records, where repeats are folds

  // Index of the plain sum.
  std::size_t sum() const;
  // Mean error of the plain sum in a metric, and what matters of it; at least 0.001 and 0.001 · effect.
  double scale(std::size_t metric) const;
  // Arm a minus arm b in a metric, over the repeats that both know.
  statistics::Paired difference(std::size_t a, std::size_t b, std::size_t metric) const;
};

enum class Verdict { less, more, same, unknown };

struct Judgement {
  statistics::Paired paired;  // of errors
  statistics::Interval interval;
  double effect = 0;  // the least that matters
  Verdict verdict = Verdict::unknown;
  // Where nothing is known: so many repeats would make an effect twice its standard error.
  std::size_t needed = 0;
};
Judgement judge(const statistics::Paired& paired, double effect);

struct Sharing {
  std::size_t metric, loss, single;  // the loss's arm alone
  Judgement joint;                   // plain sum minus alone
};

struct Agreement {
  std::size_t a, b;
  statistics::Estimate cosine;
  statistics::Interval interval;
  // less: conflict, at -0.2 or below; more: agreement, at 0.2 or above; same: nothing beyond noise
  // or too weak; unknown: too few numbers.
  Verdict verdict = Verdict::unknown;
};

struct WeightsSpan {
  std::size_t metric, best, worst;  // arms
  double p = 0;                     // that all fixed weights give the same
  Judgement span;                   // worst minus best
};

// Fixed weights a and b of which each is better in one metric.
struct TradeOff {
  std::size_t metric_a, metric_b, best_a, best_b;
};

// elsewhere: not outside, and not like the nearest; nothing: no run has figures.
enum class Place { outside, equivalent, behind, elsewhere, unknown, nothing };

struct Position {
  std::size_t arm;
  double distance = 0;      // beyond the front, in standard errors; below 0: not beyond
  double p = 1, holm = 1;   // that it is not beyond
  std::size_t nearest = 0;  // of the fixed weights
  std::vector<Judgement> to_nearest, to_sum;  // one a metric
  Place place = Place::unknown;
};

// What all this comes to.
enum class Conclusion {
  sum,           // multi-task learning: the plain sum
  sharing_none,  // sharing costs nothing and gives nothing, by what matters: the sum
  reweight,      // no sum of equal weights, but one arm is better in some metrics and worse in none
  decision,      // several objectives: weights choose a point of a trade-off
  apart,         // several objectives that the trunk cannot serve both: more room, or no sharing
  unknown
};

struct Findings {
  std::vector<Sharing> sharing;
  std::vector<Agreement> agreement;
  std::vector<WeightsSpan> weights;
  std::optional<TradeOff> trade_off;
  std::vector<Position> positions;  // of the arms that are no fixed weights, singles not counted
  std::optional<std::size_t>
      better;  // an arm that is better than the sum in a metric and worse in none
  Conclusion conclusion = Conclusion::unknown;
  std::size_t needed = 0;  // repeats that would tell what is not known; 0: all is known
};

Findings findings(const Table& table);

}  // namespace medley::comparison
