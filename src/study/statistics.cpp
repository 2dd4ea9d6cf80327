#include "medley/study/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "medley/base/random.hpp"

namespace medley::statistics {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double mean_of(std::span<const double> values) {
  if (values.empty()) return unknown;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Σ (x - mean)² / (n - 1)
double variance_of(std::span<const double> values) {
  if (values.size() < 2) return unknown;
  const double mean = mean_of(values);
  double sum = 0.0;
  for (const double x : values) sum += (x - mean) * (x - mean);
  return sum / static_cast<double>(values.size() - 1);
}

double p_of(double difference, double error, std::size_t n) {
  if (std::isnan(difference) || std::isnan(error)) return unknown;
  if (error == 0.0) return difference == 0.0 ? 1.0 : 0.0;
  return student_t_two_sided(difference / error, static_cast<double>(n - 1));
}

Interval around(double mean, double error, std::size_t n, double level) {
  if (std::isnan(mean) || std::isnan(error)) return {unknown, unknown};
  const double t = student_t_quantile((1.0 + level) / 2.0, static_cast<double>(n - 1));
  return {mean - t * error, mean + t * error};
}

}  // namespace

Estimate estimate(std::span<const double> values) {
  return {mean_of(values), std::sqrt(variance_of(values) / static_cast<double>(values.size())),
          values.size()};
}

double student_t_quantile(double p, double degrees) {
  return boost::math::quantile(boost::math::students_t(degrees), p);
}

double student_t_two_sided(double t, double degrees) {
  const boost::math::students_t distribution(degrees);
  return 2.0 * boost::math::cdf(boost::math::complement(distribution, std::abs(t)));
}

Interval interval(const Estimate& estimate, double level) {
  return around(estimate.mean, estimate.standard_error, estimate.n, level);
}

Interval interval(const Paired& paired, double level) {
  return around(paired.difference, paired.standard_error, paired.n, level);
}

Paired paired(std::span<const double> a, std::span<const double> b) {
  return paired_folds(a, b, 0.0);
}

Paired paired_folds(std::span<const double> a, std::span<const double> b, double share) {
  std::vector<double> differences(a.size());
  std::ranges::transform(a, b, differences.begin(), std::minus{});
  const std::size_t n = differences.size();
  const double difference = mean_of(differences);
  const double error = std::sqrt(variance_of(differences) * (1.0 / static_cast<double>(n) + share));
  return {difference, error, p_of(difference, error, n), n};
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!std::isnan(p[i])) order.push_back(i);
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p[i]; });
  std::vector<double> adjusted(p.begin(), p.end());
  double least = 0.0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    least = std::max(least, p[order[k]] * static_cast<double>(order.size() - k));
    adjusted[order[k]] = std::min(least, 1.0);
  }
  return adjusted;
}

double treatments(std::span<const std::vector<double>> values) {
  const std::size_t ways = values.size(), runs = ways > 0 ? values[0].size() : 0;
  if (ways < 2 || runs < 2) return unknown;
  std::vector<double> of_run(runs, 0.0), of_way;
  for (const std::vector<double>& way : values) {
    of_way.push_back(mean_of(way));
    for (std::size_t s = 0; s < runs; ++s) of_run[s] += way[s] / static_cast<double>(ways);
  }
  const double mean = mean_of(of_way);
  double between = 0.0, left = 0.0;
  for (std::size_t i = 0; i < ways; ++i) {
    between += static_cast<double>(runs) * (of_way[i] - mean) * (of_way[i] - mean);
    for (std::size_t s = 0; s < runs; ++s) {
      const double rest = values[i][s] - of_way[i] - of_run[s] + mean;
      left += rest * rest;
    }
  }
  if (std::isnan(between) || std::isnan(left)) return unknown;
  if (!(left > 1e-24 * between)) return between > 0.0 ? 0.0 : 1.0;
  const double degrees = static_cast<double>(ways - 1);
  const double rest_degrees = degrees * static_cast<double>(runs - 1);
  const boost::math::fisher_f distribution(degrees, rest_degrees);
  return boost::math::cdf(
      boost::math::complement(distribution, between / degrees / (left / rest_degrees)));
}

std::size_t pairs_needed(const Paired& paired, double effect) {
  if (std::isnan(paired.standard_error) || !(effect > 0.0)) return 0;
  const double ratio = 2.0 * paired.standard_error / effect;
  return static_cast<std::size_t>(
      std::max(2.0, std::ceil(static_cast<double>(paired.n) * ratio * ratio)));
}

double quantile(std::span<const double> sorted, double p) {
  if (sorted.empty()) return unknown;
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Interval bootstrap_interval(std::span<const double> values,
                            const std::function<double(std::span<const double>)>& statistic,
                            double level, std::uint32_t resamples, std::uint64_t seed) {
  if (values.empty()) return {unknown, unknown};
  const auto count = static_cast<std::uint32_t>(values.size());
  std::vector<double> drawn(count), found(resamples);
  for (std::uint32_t r = 0; r < resamples; ++r) {
    const RandomStream stream(seed, Purpose::resampling, 0, r);
    for (std::uint32_t i = 0; i < count; ++i) {
      drawn[i] = values[bounded(stream.draw(i / 4)[i % 4], count)];
    }
    found[r] = statistic(drawn);
  }
  std::ranges::sort(found);
  return {quantile(found, (1.0 - level) / 2.0), quantile(found, (1.0 + level) / 2.0)};
}

}  // namespace medley::statistics
