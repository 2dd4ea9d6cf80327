#include "medley/run/metrics.hpp"

#include <cmath>
#include <limits>

#include "medley/files/csv.hpp"

namespace medley {

namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
constexpr double two_sided_95 =
    1.959963984540054;  // a normal deviate is farther out in 5 % of cases

double ratio(double part, double whole) { return whole > 0.0 ? part / whole : undefined; }

struct Measured {
  double value = undefined, error = undefined, low = undefined, high = undefined;
};

// Counts [class][prediction].
class Confusion {
 public:
  Confusion(std::span<const std::uint64_t> counts, int classes)
      : counts_(counts), classes_(static_cast<std::size_t>(classes)) {}

  std::size_t classes() const { return classes_; }
  double at(std::size_t label, std::size_t prediction) const {
    return static_cast<double>(counts_[label * classes_ + prediction]);
  }
  double hits(std::size_t c) const { return at(c, c); }
  double labelled(std::size_t c) const {
    double sum = 0.0;
    for (std::size_t p = 0; p < classes_; ++p) sum += at(c, p);
    return sum;
  }
  double predicted(std::size_t c) const {
    double sum = 0.0;
    for (std::size_t l = 0; l < classes_; ++l) sum += at(l, c);
    return sum;
  }
  double total() const {
    double sum = 0.0;
    for (std::size_t c = 0; c < classes_; ++c) sum += labelled(c);
    return sum;
  }

 private:
  std::span<const std::uint64_t> counts_;
  std::size_t classes_;
};

// The mean of f(class) over the classes for which it is defined.
template <class F>
double mean_over_classes(const Confusion& m, F&& f) {
  double sum = 0.0, count = 0.0;
  for (std::size_t c = 0; c < m.classes(); ++c) {
    const double value = f(c);
    if (std::isnan(value)) continue;
    sum += value;
    count += 1.0;
  }
  return ratio(sum, count);
}

// Of n of which so many are hits, each on its own.
Measured share_of_hits(double hits, double n) {
  if (!(n > 0.0)) return {};
  const double p = hits / n;
  // Wilson: the shares q with |p - q| <= z √(q (1 - q) / n), which are within 0 and 1 whatever p is.
  const double share = two_sided_95 * two_sided_95 / n, centre = (p + share / 2.0) / (1.0 + share);
  const double reach = std::sqrt(share * (p * (1.0 - p) + share / 4.0)) / (1.0 + share);
  return {p, std::sqrt(p * (1.0 - p) / n), std::max(0.0, centre - reach),
          std::min(1.0, centre + reach)};
}

Measured accuracy(const Confusion& m) {
  double hits = 0.0;
  for (std::size_t c = 0; c < m.classes(); ++c) hits += m.hits(c);
  return share_of_hits(hits, m.total());
}

// The recalls of the classes are independent, each binomial.
Measured balanced_accuracy(const Confusion& m) {
  double variance = 0.0, occurring = 0.0;
  const double mean = mean_over_classes(m, [&](std::size_t c) {
    const double n = m.labelled(c), recall = ratio(m.hits(c), n);
    if (n > 0.0) {
      variance += recall * (1.0 - recall) / n;
      occurring += 1.0;
    }
    return recall;
  });
  return {mean, ratio(std::sqrt(variance), occurring)};
}

double f1(const Confusion& m, std::size_t c) {
  return ratio(2.0 * m.hits(c), m.labelled(c) + m.predicted(c));
}

double intersection_over_union(const Confusion& m, std::size_t c) {
  return ratio(m.hits(c), m.labelled(c) + m.predicted(c) - m.hits(c));
}

// The mean of n numbers from their sum and the sum of their squares.
Measured mean_of(double sum, double squares, double n) {
  const double mean = ratio(sum, n);
  if (n < 2.0) return {mean, undefined};
  return {mean, std::sqrt(std::max(0.0, squares / n - mean * mean) / (n - 1.0))};
}

Measured class_distance(const Confusion& m) {
  double sum = 0.0, squares = 0.0;
  for (std::size_t l = 0; l < m.classes(); ++l) {
    for (std::size_t p = 0; p < m.classes(); ++p) {
      const double distance = l < p ? static_cast<double>(p - l) : static_cast<double>(l - p);
      sum += m.at(l, p) * distance;
      squares += m.at(l, p) * distance * distance;
    }
  }
  return mean_of(sum, squares, m.total());
}

// The Mann-Whitney statistic on rising scores: the chance that a record of class 1 scores higher
// than one of class 0, equal scores counting half. Not defined where a score is not a number.
// (Sums are of whole numbers and halves: exact, in whatever order.)
Measured auc(std::span<const Score> scores) {
  if (scores.empty() || std::isnan(scores.back().value)) return {};
  double wins = 0.0, n0 = 0.0, n1 = 0.0;
  for (std::size_t i = 0; i < scores.size();) {
    std::array<std::uint64_t, 2> of{};  // negatives, positives
    for (const float value = scores[i].value; i < scores.size() && scores[i].value == value; ++i)
      ++of[scores[i].label == 1];
    const auto negatives = static_cast<double>(of[0]), positives = static_cast<double>(of[1]);
    wins += positives * (n0 + 0.5 * negatives);
    n0 += negatives;
    n1 += positives;
  }
  const double a = ratio(wins, n0 * n1);
  const double q1 = a / (2.0 - a), q2 = 2.0 * a * a / (1.0 + a);
  const double variance = a * (1.0 - a) + (n1 - 1.0) * (q1 - a * a) + (n0 - 1.0) * (q2 - a * a);
  // (NaN stays NaN; rounding may leave a little below 0 for a = 1.)
  return {a, std::sqrt(variance < 0.0 ? 0.0 : variance / (n0 * n1))};
}

// Calls f(name, measured) for the metrics that fit, always the same ones in the same order. The area under
// the ROC curve may be known.
template <class F>
void each_metric(const MetricInfo& info, const TargetSpec& target, const MetricCounts& counts,
                 const double* area, F&& f) {
  const Confusion m(counts.confusion, counts.confusion.empty() ? 0 : info.classes);
  switch (info.kind) {
    case TargetKind::classes:
      f("accuracy", accuracy(m));
      f("balanced_accuracy", balanced_accuracy(m));
      if (info.classes > 2) {
        f("macro_f1", Measured{mean_over_classes(m, [&](std::size_t c) { return f1(m, c); })});
        if (target.ordered) f("mean_absolute_error", class_distance(m));
      } else {
        f("f1", m.classes() == 2 ? Measured{f1(m, 1)} : Measured{});
        if (info.scored) f("auc", area ? Measured{*area} : auc(counts.scores));
      }
      break;
    case TargetKind::mask:
      f("mean_iou", Measured{mean_over_classes(
                        m, [&](std::size_t c) { return intersection_over_union(m, c); })});
      f("pixel_accuracy", Measured{accuracy(m).value});  // pixels are not independent
      break;
    case TargetKind::values: {
      const auto n = static_cast<double>(counts.count);
      Measured mean = mean_of(counts.absolute_error, counts.squared_error, n);
      if (target.size > 1) mean.error = undefined;  // dimensions of a record are not independent
      f("mean_absolute_error", mean);
      f("root_mean_squared_error", Measured{std::sqrt(ratio(counts.squared_error, n))});
      break;
    }
  }
}

// Calls f(index, name, measured) for all metrics of an experiment; index is that of the MetricInfo.
template <class F>
void each_metric(const Description& d, const Evaluation& evaluation, std::span<const double> areas,
                 F&& f) {
  for (std::size_t i = 0; i < d.metrics.size(); ++i) {
    const MetricInfo& info = d.metrics[i];
    const TargetSpec& target = d.targets[static_cast<std::size_t>(info.target_index)];
    each_metric(info, target, evaluation.metrics[i], areas.empty() ? nullptr : &areas[i],
                [&](const char* name, const Measured& measured) { f(i, name, measured); });
  }
}

}  // namespace

std::string metric_prefix(const Description& d, std::size_t index) {
  const MetricInfo& info = d.metrics[index];
  int heads = 0;
  for (const MetricInfo& other : d.metrics) heads += other.target_index == info.target_index;
  std::string prefix(info.target);
  if (heads > 1) prefix.append(".").append(info.head);
  return prefix;
}

std::vector<Metric> metrics(const Description& d, const Evaluation& evaluation) {
  std::vector<Metric> list;
  each_metric(d, evaluation, {}, [&](std::size_t i, const char* name, const Measured& measured) {
    list.push_back({metric_prefix(d, i) + "." + name, measured.value, measured.error, measured.low,
                    measured.high});
  });
  return list;
}

std::vector<std::string> metric_names(const Description& d) {
  std::vector<std::string> names;
  for (Metric& metric : metrics(d, {})) names.push_back(std::move(metric.name));
  return names;
}

void metric_values(const Description& d, const Evaluation& evaluation, std::span<double> values,
                   std::span<const double> areas) {
  std::size_t next = 0;
  each_metric(d, evaluation, areas, [&](std::size_t, const char*, const Measured& measured) {
    values[next++] = measured.value;
  });
}

Metric area_under_roc(std::span<const Score> scores) {
  const Measured area = auc(scores);
  return {"auc", area.value, area.error};
}

Metric share_right(double right, double n) {
  const Measured share = share_of_hits(right, n);
  return {"accuracy", share.value, share.error, share.low, share.high};
}

std::vector<std::size_t> main_metrics(const Description& d) {
  std::vector<std::size_t> list;
  std::size_t next = 0, of = d.metrics.size();
  each_metric(d, {}, {}, [&](std::size_t i, const char*, const Measured&) {
    if (i != of) list.push_back(next);
    of = i;
    ++next;
  });
  return list;
}

std::string confusion_csv(const MetricInfo& info, const MetricCounts& counts,
                          std::span<const std::string> class_names, std::string_view end_of_row) {
  const auto classes = static_cast<std::size_t>(info.classes);
  const auto name = [&](std::size_t c) {
    return c < class_names.size() ? csv_field(class_names[c]) : std::to_string(c);
  };
  std::string text = "true";
  for (std::size_t c = 0; c < classes; ++c) text += "," + name(c);
  text += end_of_row;
  for (std::size_t label = 0; label < classes; ++label) {
    text += name(label);
    for (std::size_t p = 0; p < classes; ++p) {
      text += "," + std::to_string(counts.confusion[label * classes + p]);
    }
    text += end_of_row;
  }
  return text;
}

}  // namespace medley
