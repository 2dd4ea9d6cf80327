#include "medley/run/uncertainty.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>

#include "medley/base/random.hpp"
#include "medley/engine/threads.hpp"
#include "medley/run/reporting.hpp"
#include "run/draws.hpp"

namespace medley {

namespace {

using bootstrap::Draws, bootstrap::RecordTable, bootstrap::draws_of;

constexpr double not_told = std::numeric_limits<double>::quiet_NaN();

// So many bootstrap samples side by side, a lane each, so that what is known of a record is read once for
// all of them.
constexpr int together = 4;
static_assert(bootstrap_samples % together == 0);
using Two = double __attribute__((vector_size(16)));
struct Four {
  Two low = {}, high = {};
  double operator[](int sample) const { return sample < 2 ? low[sample] : high[sample - 2]; }
};

// How often a draw is in each of the samples.
struct Times {
  std::array<std::int32_t, together> of;

  [[gnu::always_inline]] operator Four() const {
    using Integers = std::int32_t __attribute__((vector_size(16)));
    using Doubles = double __attribute__((vector_size(32)));
    Integers integers;
    std::memcpy(&integers, of.data(), sizeof integers);
    const Doubles doubles = __builtin_convertvector(integers, Doubles);
    return {__builtin_shufflevector(doubles, doubles, 0, 1),
            __builtin_shufflevector(doubles, doubles, 2, 3)};
  }
};

// What a sample lacks is added zero times, which changes no sum of finite numbers: a branch that is taken
// by chance would cost more.
[[gnu::always_inline]] inline void add(Four& sum, const Four& times, double x) {
  sum.low += times.low * x;
  sum.high += times.high * x;
}
// The same where x may not be finite.
[[gnu::always_inline]] inline void add_drawn(Four& sum, const Four& times, double x) {
  const auto none = times.low == Two{}, none_high = times.high == Two{};
  sum.low += none ? Two{} : times.low * x;
  sum.high += none_high ? Two{} : times.high * x;
}

// Bootstrap samples, each as an evaluation of as many draws.
class Resampler {
 public:
  Resampler(const Description& d, const Engine& engine, const Draws& draws,
            const Evaluation& evaluation, Split split)
      : d_(d), engine_(engine), draws_(draws), original_(evaluation), split_(split) {}

  // The values of total, terms and metrics in the samples from r on, one after the other.
  void sample(int r, std::span<double> values) {
    draw(r);
    sum();
    rank();
    const std::size_t width = values.size() / together;
    for (int of = 0; of < together; ++of) {
      const auto row = values.subspan(static_cast<std::size_t>(of) * width, width);
      Evaluation e = original_;
      set_terms(e, of);
      set_metrics(e, of);
      row[0] = e.total;
      for (std::size_t k = 0; k < d_.terms.size(); ++k)
        row[1 + k] = e.measured[k] ? e.value[k] : not_told;
      metric_values(d_, e, row.subspan(1 + d_.terms.size()),
                    of_sample(std::span<const double>(areas_), of));
    }
  }

 private:
  void draw(int r) {
    times_.resize(draws_.count);
    const auto count = static_cast<std::uint32_t>(draws_.count);
    for (std::size_t of = 0; of < together; ++of) {
      const RandomStream stream(1, Purpose::resampling, static_cast<std::uint32_t>(split_),
                                static_cast<std::uint64_t>(r) + of);
      drawn_.assign(draws_.count, 0);  // by itself, as this is nearer than that of all samples
      const auto take = [&, drawn = std::span(drawn_)](std::uint32_t word) {
        ++drawn[bounded(word, count)];
      };
      const std::uint32_t fours = count / 4;
      for (std::uint32_t i = 0; i < fours; ++i) {
        const auto [first, second, third, fourth] = stream.draw(i);
        take(first);
        take(second);
        take(third);
        take(fourth);
      }
      for (std::uint32_t i = 0; i < count % 4; ++i) take(stream.draw(fours)[i]);
      for (std::size_t i = 0; i < times_.size(); ++i) times_[i].of[of] = drawn_[i];
    }
  }

  void sum() {
    sums_.resize(draws_.blocks * Draws::block);
    for (std::size_t b = 0; b < draws_.blocks; ++b) sum_block(b);
    confusion_.resize(together * draws_.plan.cells);
    const std::span<const Times> times(times_);
    for (std::size_t cell = 0; cell < draws_.plan.cells; ++cell) {
      const std::size_t first = draws_.first_share[cell];
      Four positions;  // whole numbers: exact
      for (const auto& share :
           std::span(draws_.shares).subspan(first, draws_.first_share[cell + 1] - first))
        add(positions, times[share.draw], share.positions);
      for (int of = 0; of < together; ++of)
        of_sample(std::span(confusion_), of)[cell] = static_cast<std::uint64_t>(positions[of]);
    }
  }

  // Columns side by side, each draw by draw.
  void sum_block(std::size_t b) {
    static_assert(Draws::block == 4);
    Four s0, s1, s2, s3;
    const double* row = draws_.rows.data() + b * draws_.count * Draws::block;
    for (const Four times : times_) {
      add_drawn(s0, times, row[0]);
      add_drawn(s1, times, row[1]);
      add_drawn(s2, times, row[2]);
      add_drawn(s3, times, row[3]);
      row += Draws::block;
    }
    std::ranges::copy(std::array{s0, s1, s2, s3}, sums_.data() + b * Draws::block);
  }

  // The areas under the ROC curves, as metrics.cpp has them, each score as often as its draw is in the sample.
  void rank() {
    areas_.assign(together * d_.metrics.size(), not_told);
    const std::span<const Times> times(times_);
    for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
      Four wins, negatives, positives, equal_negatives, equal_positives, not_numbers;
      for (const Draws::Ranked& ranked : draws_.ranked[i]) {
        const Four here = times[ranked.draw];
        add(equal_positives, here, ranked.positive);
        add(equal_negatives, here, !ranked.positive);
        if (!ranked.last) continue;
        wins.low += equal_positives.low * (negatives.low + 0.5 * equal_negatives.low);
        wins.high += equal_positives.high * (negatives.high + 0.5 * equal_negatives.high);
        add(negatives, equal_negatives, 1.0);
        add(positives, equal_positives, 1.0);
        equal_negatives = equal_positives = {};
        if (!ranked.is_number) add(not_numbers, here, 1.0);
      }
      for (int of = 0; of < together; ++of) {
        const double pairs = negatives[of] * positives[of];
        if (pairs > 0.0 && !(not_numbers[of] > 0.0))
          of_sample(std::span(areas_), of)[i] = wins[of] / pairs;
      }
    }
  }

  void set_terms(Evaluation& e, int of) {
    e.total = 0.0;
    bool tells = false;
    for (std::size_t k = 0; k < d_.terms.size(); ++k) {
      if (!d_.terms[k].is_penalty) {
        const auto count = static_cast<std::size_t>(std::max(d_.terms[k].sums, 1));
        of_term_.resize(count + 1);
        for (std::size_t i = 0; i <= count; ++i)
          of_term_[i] = sums_[draws_.plan.of_term[k] + i][of];
        const std::span<const double> of_term(of_term_);
        e.measured[k] = of_term[count] > 0.0;
        e.value[k] = !e.measured[k] ? 0.0
                     : d_.terms[k].sums > 0
                         ? engine_.summed_value(static_cast<int>(k), of_term.first(count))
                         : of_term[0] / of_term[1];
        tells = tells || (e.measured[k] && e.weight[k] != 0.0);
      }
      e.total += e.weight[k] * e.value[k];
    }
    if (!tells) e.total = not_told;
  }

  void set_metrics(Evaluation& e, int of) const {
    for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
      const MetricInfo& info = d_.metrics[i];
      MetricCounts& m = e.metrics[i];
      const std::size_t first = draws_.plan.of_metric[i];
      const auto classes = static_cast<std::size_t>(info.classes);
      if (info.kind == TargetKind::values) {
        m.absolute_error = sums_[first][of];
        m.squared_error = sums_[first + 1][of];
        m.count = static_cast<std::uint64_t>(sums_[first + 2][of]);
      } else {
        m.confusion = of_sample(std::span(confusion_), of).subspan(first, classes * classes);
      }
    }
  }

  // A sample's part of what lies one sample after the other.
  template <class T>
  static std::span<T> of_sample(std::span<T> all, int of) {
    const std::size_t each = all.size() / together;
    return all.subspan(static_cast<std::size_t>(of) * each, each);
  }

  const Description& d_;
  const Engine& engine_;
  const Draws& draws_;
  const Evaluation& original_;
  Split split_;
  std::vector<std::int32_t> drawn_;       // in one sample
  std::vector<Times> times_;              // [draw]
  std::vector<Four> sums_;                // [column]
  std::vector<std::uint64_t> confusion_;  // [sample][cell]
  std::vector<double> areas_;             // [sample][metric]
  std::vector<double> of_term_;
};

// Between the order statistics on both sides (numpy.quantile).
double quantile(std::span<const double> rising, double share) {
  const double at = share * static_cast<double>(rising.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, rising.size() - 1);
  return rising[below] + (at - static_cast<double>(below)) * (rising[above] - rising[below]);
}

// Standard error and interval of a metric from its values in the samples.
Metric from_samples(std::vector<double> values) {
  std::erase_if(values, [](double x) { return std::isnan(x); });
  Metric found;
  if (2 * values.size() < static_cast<std::size_t>(bootstrap_samples)) return found;
  const auto n = static_cast<double>(values.size());
  double mean = 0.0, squares = 0.0;
  for (const double x : values) mean += x / n;
  for (const double x : values) squares += (x - mean) * (x - mean);
  std::ranges::sort(values);
  found.error = std::sqrt(squares / (n - 1.0));
  found.low = quantile(values, 0.025);
  found.high = quantile(values, 0.975);
  return found;
}

// What is not known yet, or rests on the independence of records that is not there.
void complete(Metric& metric, const Metric& sampled, bool grouped) {
  if (grouped || std::isnan(metric.error)) metric.error = sampled.error;
  if (!grouped && !std::isnan(metric.low)) return;
  metric.low = sampled.low;
  metric.high = sampled.high;
}

}  // namespace

std::vector<Metric> all_metrics(const Description& d, const Evaluation& evaluation) {
  std::vector<Metric> list{{.name = "total", .value = evaluation.total}};
  for (std::size_t k = 0; k < d.terms.size(); ++k)
    list.push_back({.name = "term." + d.terms[k].name,
                    .value = evaluation.measured[k] ? evaluation.value[k] : not_told});
  for (Metric& metric : metrics(d, evaluation)) list.push_back(std::move(metric));
  return list;
}

Assessment assess(Engine& engine, const Source& records, const Description& d, Split split,
                  int threads) {
  Assessment a;
  RecordTable table(d, records.size(split));
  const auto start = Clock::now();
  engine.evaluate(split, a.evaluation, &table);
  a.seconds = seconds_since(start);
  a.metrics = all_metrics(d, a.evaluation);
  const Draws draws(std::move(table), draws_of(records, split));
  a.draws = draws.count;
  a.grouped = draws.count < draws.draw_of.size();
  std::vector<double> values(bootstrap_samples * a.metrics.size());
  const auto row = [&](int r) {
    return std::span(values).subspan(static_cast<std::size_t>(r) * a.metrics.size(),
                                     a.metrics.size());
  };
  std::vector<Resampler> resamplers(static_cast<std::size_t>(threads),
                                    Resampler(d, engine, draws, a.evaluation, split));
  const std::size_t rows = together * a.metrics.size();
  Threads(threads).parallel_for(draws.count > 1 ? bootstrap_samples / together : 0, [&](int worker,
                                                                                        int block) {
    resamplers[static_cast<std::size_t>(worker)].sample(
        block * together, std::span(values).subspan(static_cast<std::size_t>(block) * rows, rows));
  });
  for (std::size_t m = 0; m < a.metrics.size(); ++m) {
    const bool penalty = m >= 1 && m <= d.terms.size() && d.terms[m - 1].is_penalty;
    std::vector<double> of_metric;
    for (int r = 0; draws.count > 1 && !penalty && r < bootstrap_samples; ++r)
      of_metric.push_back(row(r)[m]);
    complete(a.metrics[m],
             std::isnan(a.metrics[m].value) ? Metric{} : from_samples(std::move(of_metric)),
             a.grouped);
  }
  return a;
}

std::string uncertainty_note(const Assessment& a) {
  constexpr std::uint64_t few = 30;
  if (!a.grouped) return {};
  return fmt::format("standard errors take the {} groups for draws, not the {} records{}", a.draws,
                     a.evaluation.records,
                     a.draws < few ? "; so few make intervals too narrow" : "");
}

}  // namespace medley
