#include "medley/report/ranking.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "medley/run/metrics.hpp"

namespace medley {

namespace {

constexpr double area_tolerance = 1e-3;
constexpr int most_points = 200;

struct RankingPoint {
  double threshold, false_positive_rate, recall, precision;
};
using RankingPoints = std::vector<RankingPoint>;

// From above all scores down to the lowest, a point for each score that occurs.
RankingPoints ranking_points(std::span<const Score> rising, double positives, double negatives) {
  RankingPoints points{{std::numeric_limits<double>::infinity(), 0.0, 0.0, 1.0}};
  double hits = 0.0, wrong = 0.0;
  for (std::size_t i = rising.size(); i > 0;) {
    const float value = rising[i - 1].value;
    for (; i > 0 && rising[i - 1].value == value; --i)
      (rising[i - 1].label == 1 ? hits : wrong) += 1.0;
    points.push_back(
        {static_cast<double>(value), wrong / negatives, hits / positives, hits / (hits + wrong)});
  }
  return points;
}

// By trapezoids, of y over x.
double area_under(const RankingPoints& points, double RankingPoint::*x, double RankingPoint::*y) {
  double area = 0.0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    area += (points[i].*x - points[i - 1].*x) * 0.5 * (points[i].*y + points[i - 1].*y);
  }
  return area;
}

double average_precision(const RankingPoints& points) {
  double sum = 0.0;
  for (std::size_t i = 1; i < points.size(); ++i)
    sum += (points[i].recall - points[i - 1].recall) * points[i].precision;
  return sum;
}

// Without points that are closer to the one kept before than a step along the ROC curve, whose length
// is 2, unless precision falls steeply there: of two stretches in a row, one is longer than a step, so
// that 4 / step + 2 points stay, and those of the steep parts.
RankingPoints at_steps(const RankingPoints& all, double step) {
  RankingPoints kept{all.front()};
  for (std::size_t i = 1; i + 1 < all.size(); ++i) {
    const RankingPoint &from = kept.back(), &next = all[i + 1];
    const double recall = next.recall - from.recall;
    const double length = next.false_positive_rate - from.false_positive_rate + recall;
    const double under_precision = recall * std::fabs(next.precision - from.precision);
    if (length > step || under_precision > step * step / 16.0) kept.push_back(all[i]);
  }
  kept.push_back(all.back());
  return kept;
}

bool areas_agree(const RankingPoints& a, const RankingPoints& b) {
  const auto agree = [&](double RankingPoint::*x, double RankingPoint::*y) {
    return std::fabs(area_under(a, x, y) - area_under(b, x, y)) <= area_tolerance;
  };
  return agree(&RankingPoint::false_positive_rate, &RankingPoint::recall) &&
         agree(&RankingPoint::recall, &RankingPoint::precision);
}

RankingPoints thinned(const RankingPoints& all) {
  if (all.size() <= most_points) return all;
  for (double step = 4.0 / (most_points - 2);; step *= 0.5) {
    RankingPoints kept = at_steps(all, step);
    if (kept.size() == all.size() || areas_agree(all, kept)) return kept;
  }
}

}  // namespace

nlohmann::json ranking_block(std::span<const Score> rising) {
  std::size_t positives = 0;
  for (const Score& score : rising) positives += score.label == 1;
  const std::size_t negatives = rising.size() - positives;
  const Metric area = area_under_roc(rising);
  const bool defined = !std::isnan(area.value);
  RankingPoints all;
  if (defined)
    all = ranking_points(rising, static_cast<double>(positives), static_cast<double>(negatives));
  const RankingPoints points = thinned(all);
  nlohmann::json block = {
      {"positives", positives},
      {"negatives", negatives},
      {"area", area.value},
      {"standard_error", area.error},
      {"average_precision", defined ? nlohmann::json(average_precision(all)) : nlohmann::json()},
      {"thinned", points.size() < all.size()}};
  const auto list = [&](const char* name, double RankingPoint::*member) {
    nlohmann::json& numbers = block[name] = nlohmann::json::array();
    for (const RankingPoint& point : points) numbers.push_back(point.*member);
  };
  list("threshold", &RankingPoint::threshold);
  list("false_positive_rate", &RankingPoint::false_positive_rate);
  list("true_positive_rate", &RankingPoint::recall);
  list("precision", &RankingPoint::precision);
  return block;
}

}  // namespace medley
